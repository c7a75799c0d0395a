internal import NIOCore
internal import NIOHTTP1

/// What is to be done, in the order in which it is said.
extension ProxyExchangeMachine {
    enum Action: Sendable, Equatable {
        /// Have it told to ``cutOff()`` when the token is taken back, or the backend has been gone for a while.
        case watchToken
        /// Have it told to ``settled(isReady:)`` whether there is a backend, and to ``waitedInVain()`` when there is neither.
        case awaitBackend(until: NIODeadline)
        /// The session is of no use any more, and nobody waits for it.
        case release

        /// Look for a connection to the backend that waits for its next request: ``foundIdle(_:)``.
        case findIdle
        /// Make one: ``connected()``, ``connectFailed()``.
        case connect
        /// - Parameter isResumable: Whether nothing may be offered that another backend could not go on with.
        case sendHead(isResumable: Bool)
        case sendBody(ByteBuffer)
        case sendEnd
        /// Write what was sent, and tell ``backendWritable(_:)``.
        case flushBackend
        case readBackend(Bool)
        /// The connection is good for another request.
        case giveBack
        case closeBackend

        case readClient(Bool)
        /// So many bytes of the request wait here for somebody to take them: ``evicted()`` when that is too much.
        case hold(bytes: Int)
        /// A head, of an interim response or of the answer.
        case respond(HTTPResponseStatus, HTTPHeaders)
        case endChunks(HTTPHeaders)
        /// Write what the client was given, and tell ``clientWritable(_:)``.
        case flushClient
        /// The whole answer.
        /// - Parameters:
        ///   - isHead: Whether its text is left out, as the client asks for the head alone.
        ///   - connection: The value of the field of that name.
        case refuse(ProxyRefusal, isHead: Bool, connection: String?)
        /// The answer is complete.
        case finish(keepsAlive: Bool)
        /// The answer broke off: the client must not take it for a whole one.
        case abort
        /// HTTP is over on both connections, and the session is the tunnel's.
        case tunnel(Tunnel)
    }

    /// What takes the place of HTTP.
    enum Tunnel: Sendable, Equatable {
        case spliced
        /// - Parameter subprotocol: What the backend has agreed to.
        case resumable(subprotocol: String?)
    }

    /// For a piece of the request.
    enum PieceAction: Sendable, Equatable {
        /// To the backend, at once.
        case send(ByteBuffer)
        /// As ``Action/hold(bytes:)``.
        case hold(bytes: Int)
        case drop
    }

    /// For a piece of the response.
    enum BodyAction: Sendable, Equatable {
        case plain(ByteBuffer)
        /// As one chunk.
        case chunk(ByteBuffer)
        case drop
    }

    /// For a pause of the backend.
    enum PauseAction: Sendable, Equatable {
        /// As ``Action/flushClient``, and perhaps ``Action/watchToken``.
        case flushClient(watchingToken: Bool)
        case wait
    }
}
