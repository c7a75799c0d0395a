internal import NIOCore
internal import NIOHTTP1
internal import ParleyModel

/// What ``FrontDoorMachine`` is told, and what it says.
extension FrontDoorMachine {
    /// What a request may take to come.
    struct Patience: Equatable {
        /// A head, and the decision about a handshake.
        var head: TimeAmount
        /// ``ProgressWatch/minimumBytes`` of a body.
        var body: TimeAmount
    }

    /// When something happens.
    struct Moment: Equatable {
        var now: NIODeadline
        /// Whether the server is about to stop: no connection is kept, and none becomes a WebSocket.
        var isDraining = false
    }

    /// What is to be done.
    enum Action: Equatable {
        /// Find out who answers, and tell ``routed(to:at:)``.
        case route(HTTPRequestHead)
        /// Ask the endpoint whether the handshake goes through; ``admitted(at:)`` or ``failed(_:)`` tells, now or later.
        case askForAdmission
        /// End HTTP and tell ``left()``; or ``failed(_:)``, when there is no place for another connection.
        case upgrade
        /// Hand the request to whom it is for.
        case openExchange
        case openProxy
        /// What follows of that request.
        case forward(ByteBuffer)
        case forwardEnd
        /// The client sends nothing more, and may still listen.
        case forwardInputClosed
        /// Nobody waits for the answer of the exchange, or the backend, any more.
        case abandon
        case sendContinue(HTTPVersion)
        /// Write this.
        case answer(ExchangeAnswer, version: HTTPVersion)
        /// Have the HTTP API answer.
        /// - Parameter refusal: Decided already; the API only gives it the form that its clients know.
        case respond(HTTPRequestHead, body: ByteBuffer, refusal: Refusal?)
        /// Write this, as the last of all, and throw away what comes; tell ``lastWritten(at:)``.
        /// - Parameter head: What is refused; `nil`: something that is no request.
        case refuse(Refusal, isHead: Bool, head: HTTPRequestHead?)
        /// Throw away what comes; tell ``lastWritten(at:)`` when everything is written.
        case finish
        case closeOutput
        case close
        /// What comes now is for a new parser, as is what the present one has kept; tell ``decoderRenewed()`` when it has that.
        case renewDecoder
        /// The next bytes begin a request.
        case expectHead
        case read
        /// Tell ``turnCame()`` when it is this connection's turn.
        case waitForTurn
    }

    /// An answer on its way.
    struct Response: Equatable {
        let keepsAlive: Bool
        /// Whatever answers a HEAD has no body.
        let isHead: Bool
    }
}
