internal import NIOCore

extension ResumableTunnelMachine {
    enum End: Sendable, Equatable { case client, backend }

    /// What is to be done, in the order in which it is said.
    enum Action: Sendable, Equatable {
        case toClient(ByteBuffer)
        /// - Parameter confirming: Unless it is 0, tell ``wrote(_:)`` so many bytes when the connection has taken these, and
        ///   all before them.
        case toBackend(ByteBuffer, confirming: Int)
        /// Write what both were given.
        case flush
        /// See whether the client may be read again: ``pacemaker(of:)``.
        case readClient
        /// Say behind what is to be written that there is no more, and leave it to the client to close the rest.
        case finishClient
        /// Close behind what is to be written.
        case finishBackend
        case closeBackend

        /// Wait for the backend that comes next, and tell ``found(_:)``; the present route is that of the one before.
        /// - Parameter isExpected: Whether that one has said that it goes away.
        case findSuccessor(isExpected: Bool, until: NIODeadline)
        /// Tell ``waitedInVain()`` at that time.
        case startPatience(until: NIODeadline)
        case stopPatience
        /// Open the route that was found, and tell ``opened(_:)``.
        case open
        /// Tell ``retries()`` in a while.
        case retry(after: TimeAmount)
        /// The route is the present one, and open: have its end told to ``cutOff(_:isServing:)``, and that of its backend to
        /// ``leaving(_:)``.
        case watch(Int)
        /// The route is the present one, though it cannot be opened: successors are those of its backend.
        case passOver
        /// Tell ``settled(_:isReady:)`` whether its backend is ready.
        case awaitBackend(Int)
        /// Make a connection to the backend: ``connected(_:)``, ``connectFailed(_:)``.
        case connect(Int)
        /// Ask the backend to go on with the WebSocket, and tell ``answered(_:_:)``.
        case shakeHands(Int)
        /// Take HTTP off the connection, and tell ``joined(_:isServing:)`` unless it closes before; ``joinFailed(_:)`` where it
        /// is closed already.
        case join(Int)
        /// The connection comes too late.
        case drop
        /// Nobody searches any more, and no backend is asked.
        case stopSearch
        /// The present route is not used any more, and not watched.
        case release

        /// So many bytes are kept here: `more` than the last time, or less. ``exhausted()`` when that is too much.
        case hold(bytes: Int, more: Int)
    }

    /// Who comes after a backend.
    enum Found: Sendable, Equatable {
        case successor
        /// The backend did not end: it closed that one connection.
        case stayed
        /// Nobody came in time, or may.
        case nobody
        /// This server ends.
        case shuttingDown
    }

    /// What becomes of a route that was found.
    enum Opened: Sendable, Equatable {
        case ready
        /// The backend takes no connections yet.
        case pending
        case gone
        /// As many wait for the backend as may.
        case full
    }
}
