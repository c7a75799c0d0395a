internal import NIOCore
internal import ParleyDialects
internal import ParleyHub
internal import ParleyModel
internal import Synchronization
internal import WebSocketProtocol

/// What an endpoint says to a WebSocket handshake.
enum Admission: Sendable {
    case accept(any WebSocketAcceptance)
    case refuse(Refusal)
    /// Something has to be asked first, a token verified for instance.
    case pending(EventLoopFuture<Admission>)
}

/// A handshake that goes through, and the connection that comes of it.
protocol WebSocketAcceptance: Sendable {
    /// The event loop that the connection has to live on; `nil`: the one that it was accepted on.
    var eventLoop: (any EventLoop)? { get }
    func makeHandler(_ environment: HandshakeEnvironment) -> WebSocketHandler
}

/// What a new connection is given by its listener.
struct HandshakeEnvironment {
    let hub: Hub
    let shard: Shard
    let compression: PerMessageDeflate?
    let permit: ConnectionPermit
    /// Where it is, behind proxies that are trusted; `nil` when nobody knows.
    let client: SocketAddress?
    let isSecure: Bool
}

/// A connection that speaks a dialect.
struct Acceptance: WebSocketAcceptance {
    let profile: ConnectionProfile
    let dialect: any Dialect
    /// Told of the connection's life, where somebody keeps a list.
    var observer: (any ConnectionObserver)?
    /// The token's end, and the time by which it was computed.
    var tokenExpiry: (expiresAt: WallTime, now: WallTime)?

    var eventLoop: (any EventLoop)? { nil }

    func makeHandler(_ environment: HandshakeEnvironment) -> WebSocketHandler {
        DialectHandler(self, environment)
    }

    func expiry(now: NIODeadline) -> NIODeadline {
        guard let expiry = self.tokenExpiry else { return .distantFuture }
        return now + .milliseconds(expiry.expiresAt.milliseconds - expiry.now.milliseconds)
    }
}

/// Learns when a connection begins and ends; called on its event loop.
protocol ConnectionObserver: Sendable {
    func opened(_ connection: ConnectionID)
    func closed(_ connection: ConnectionID)
}

/// How many WebSocket connections there may be: in the process, and from one address.
final class ConnectionLimits: Sendable {
    private let maximum: Int
    private let maximumPerAddress: Int
    private let count = Atomic<Int>(0)
    private let countsByAddress = Mutex<[String: Int]>([:])
    private let trimmer = MemoryTrimmer()

    /// - Parameters: 0 means no limit.
    init(maximum: Int, maximumPerAddress: Int) {
        self.maximum = maximum
        self.maximumPerAddress = maximumPerAddress
    }

    var current: Int { self.count.load(ordering: .relaxed) }

    /// Those of whom nobody knows where they are count as if they were in one place.
    private static let unknown = "unknown"

    /// Takes a place for a connection. The permit must be released exactly once.
    /// - Parameter ip: Where it comes from: an address as text.
    func acquire(ip: String?) -> Result<ConnectionPermit, Refusal> {
        let taken = self.count.add(1, ordering: .relaxed).newValue
        guard self.maximum == 0 || taken <= self.maximum else {
            self.count.subtract(1, ordering: .relaxed)
            return .failure(.connectionLimit)
        }
        guard self.maximumPerAddress > 0 else { return .success(ConnectionPermit(limits: self, address: nil)) }
        let ip = ip ?? Self.unknown
        let isAllowed = self.countsByAddress.withLock { counts in
            guard counts[ip, default: 0] < self.maximumPerAddress else { return false }
            counts[ip, default: 0] += 1
            return true
        }
        guard isAllowed else {
            self.count.subtract(1, ordering: .relaxed)
            return .failure(.addressLimit)
        }
        return .success(ConnectionPermit(limits: self, address: ip))
    }

    fileprivate func release(_ address: String?) {
        let remaining = self.count.subtract(1, ordering: .relaxed).newValue
        self.trimmer.connectionClosed(remaining: remaining)
        guard let address else { return }
        self.countsByAddress.withLock { counts in
            counts[address] = (counts[address] ?? 1) > 1 ? counts[address, default: 1] - 1 : nil
        }
    }
}

/// A place among the allowed connections.
struct ConnectionPermit: Sendable {
    fileprivate let limits: ConnectionLimits
    fileprivate let address: String?

    func release() {
        self.limits.release(self.address)
    }
}

extension SocketAddress {
    /// The IP address as people write it: an IPv4 client of an IPv6 socket has its own address (RFC 4291 §2.5.5.2).
    var clientIP: String? {
        self.ipAddress.map { $0.hasPrefix("::ffff:") ? String($0.dropFirst("::ffff:".count)) : $0 }
    }
}
