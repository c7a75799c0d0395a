public import NIOCore
internal import Synchronization

/// "Runs" backends that run already, at a fixed address: for tests, and for debugging one's backend.
///
/// Whether the address serves is found out by asking it. Ending such a backend ends nothing but its key and its tokens.
public final class ExternalRuntime: BackendRuntime {
    private let running = Mutex<[BackendID: BackendRuntimeEvents]>([:])

    public init() {}

    public func prepare(_ order: LaunchOrder) async throws(LaunchFailure) {
        _ = try Self.parse(order)
    }

    public func launch(
        _ order: LaunchOrder,
        events: BackendRuntimeEvents
    ) async throws(LaunchFailure) -> SocketAddress {
        let (host, port) = try Self.parse(order)
        let address: SocketAddress
        do {
            address = try SocketAddress.makeAddressResolvingHost(host, port: port)
        } catch {
            throw LaunchFailure("The host of its address is not known: \(host)")
        }
        self.running.withLock { $0[order.backend] = events }
        return address
    }

    public func terminate(_ backend: BackendID, _ kind: TerminationKind) {
        guard let events = self.running.withLock({ $0.removeValue(forKey: backend) }) else { return }
        Task { events.exited(0) }
    }

    public func use(of backend: BackendID) async -> ResourceUse? { nil }

    /// `host:port`, the host of IPv6 in brackets.
    private static func parse(_ order: LaunchOrder) throws(LaunchFailure) -> (host: String, port: Int) {
        guard case .external(let text) = order.program, let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...]), (1...65535).contains(port), colon != text.startIndex
        else { throw LaunchFailure("Expected an address like localhost:3000 under external") }
        let host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        return (String(isBracketed ? host.dropFirst().dropLast() : host), port)
    }
}
