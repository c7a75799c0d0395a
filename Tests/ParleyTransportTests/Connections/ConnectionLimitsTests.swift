import NIOCore
import ParleyModel
import Testing

@testable import ParleyTransport

@Suite struct ConnectionLimitsTests {
    @Test("The process admits so many connections, and a released place is free again")
    func process() throws {
        let limits = ConnectionLimits(maximum: 2, maximumPerAddress: 0)
        let first = try limits.acquire(ip: nil).get()
        _ = try limits.acquire(ip: nil).get()
        #expect(throws: Refusal.connectionLimit) { try limits.acquire(ip: nil).get() }
        #expect(limits.current == 2)
        first.release()
        _ = try limits.acquire(ip: nil).get()
    }

    @Test("One address gets so many, whether it comes as IPv4 or mapped into IPv6; another has its own")
    func address() throws {
        let limits = ConnectionLimits(maximum: 0, maximumPerAddress: 1)
        let plain = try SocketAddress(ipAddress: "192.0.2.1", port: 1)
        let mapped = try SocketAddress(ipAddress: "::ffff:192.0.2.1", port: 2)
        let other = try SocketAddress(ipAddress: "192.0.2.2", port: 1)
        let permit = try limits.acquire(ip: plain.clientIP).get()
        #expect(throws: Refusal.addressLimit) { try limits.acquire(ip: mapped.clientIP).get() }
        _ = try limits.acquire(ip: other.clientIP).get()
        #expect(limits.current == 2)
        permit.release()
        _ = try limits.acquire(ip: mapped.clientIP).get()
    }

    @Test("Those whose address nobody knows count as one")
    func unknown() throws {
        let limits = ConnectionLimits(maximum: 0, maximumPerAddress: 1)
        let permit = try limits.acquire(ip: nil).get()
        #expect(throws: Refusal.addressLimit) { try limits.acquire(ip: nil).get() }
        _ = try limits.acquire(ip: "192.0.2.1").get()
        permit.release()
        _ = try limits.acquire(ip: nil).get()
    }
}
