import NIOCore
import ParleyBackends
import ParleyModel
import Testing

@Suite struct LeaseTests {
    fileprivate static let key = BackendKey(scope: "account/service", name: "document")
    fileprivate static let lease = LeaseTimes().expiry
    fileprivate static func at(_ seconds: Int64) -> NIODeadline { .zero + .seconds(seconds) }

    private static func grant(_ acquisition: KeyAcquisition) -> KeyGrant? {
        if case .acquired(let grant) = acquisition { return grant }
        return nil
    }

    @Test("A key has one holder until it is released")
    func exclusion() throws {
        var table = LeaseTable()
        let first = try #require(Self.grant(try table.acquire("a")))
        #expect(try table.acquire("b", at: 1) == .held(first))
        table.release(first)
        #expect(Self.grant(try table.acquire("b", at: 1))?.holder.backend.text == "b")
    }

    @Test("A lease that is not renewed ends after a minute, and can be renewed no more")
    func expiry() throws {
        var table = LeaseTable()
        let first = try #require(Self.grant(try table.acquire("a")))
        #expect(table.renew(first, lease: Self.lease, now: Self.at(30)) == true)
        #expect(table.holder(of: Self.key, now: Self.at(89)) == first)
        #expect(table.holder(of: Self.key, now: Self.at(90)) == nil)
        #expect(table.renew(first, lease: Self.lease, now: Self.at(90)) == false)
        let second = try #require(Self.grant(try table.acquire("b", at: 90)))
        table.release(first)
        #expect(table.holder(of: Self.key, now: Self.at(90)) == second)
    }

    @Test("Fencing tokens grow with every acquisition, whatever the clock does, and stay over renewals")
    func fencing() throws {
        var table = LeaseTable()
        var tokens: [Int64] = []
        for milliseconds in [1000, 1000, 400, 5000, 4999] as [Int64] {
            let wall = WallTime(milliseconds: milliseconds)
            let grant = try #require(Self.grant(try table.acquire("a", wall: wall)))
            tokens.append(grant.fencingToken)
            #expect(table.renew(grant, lease: Self.lease, now: Self.at(0)) == true)
            #expect(table.holder(of: Self.key, now: Self.at(0))?.fencingToken == grant.fencingToken)
            table.release(grant)
        }
        #expect(tokens == [1000, 1001, 1002, 5000, 5001])
    }

    @Test("A holder that hears nothing asks again, stops softly at 40 seconds and hard at 50")
    func silence() {
        var holder = LeaseHolder(requestedAt: Self.at(0))
        var actions: [(Int64, LeaseHolder.Action)] = []
        for second in 0...120 as ClosedRange<Int64> {
            actions += holder.tick(at: Self.at(second)).map { (second, $0) }
        }
        #expect(actions.map(\.0) == [30, 32, 34, 36, 38, 40, 50])
        #expect(actions.map(\.1) == Array(repeating: .renew, count: 5) + [.stop(.soft), .stop(.hard)])
        #expect(!holder.isEntitled(at: Self.at(120)))
    }

    @Test("A holder is entitled to act until its hard stop")
    func entitlement() {
        let holder = LeaseHolder(requestedAt: Self.at(0))
        #expect(holder.isEntitled(at: Self.at(49)))
        #expect(!holder.isEntitled(at: Self.at(50)))
    }

    @Test("A renewal counts from when it was asked for")
    func renewal() {
        var holder = LeaseHolder(requestedAt: Self.at(0))
        #expect(holder.tick(at: Self.at(30)) == [.renew])
        holder.renewed(requestedAt: Self.at(30))
        #expect(holder.tick(at: Self.at(59)) == [])
        #expect(holder.tick(at: Self.at(60)) == [.renew])
        // An answer that was overtaken.
        holder.renewed(requestedAt: Self.at(29))
        #expect(holder.isEntitled(at: Self.at(79)))
        #expect(!holder.isEntitled(at: Self.at(80)))
    }

    @Test("A holder that is refused stops at once")
    func refusal() {
        var holder = LeaseHolder(requestedAt: Self.at(0))
        #expect(holder.refused() == [.stop(.soft)])
        #expect(holder.refused() == [])
        #expect(holder.tick(at: Self.at(50)) == [.stop(.hard)])
    }

    @Test("A holder that slept through everything is entitled to nothing")
    func pause() {
        var holder = LeaseHolder(requestedAt: Self.at(0))
        #expect(!holder.isEntitled(at: Self.at(1000)))
        #expect(holder.tick(at: Self.at(1000)) == [.stop(.hard)])
        holder.renewed(requestedAt: Self.at(1000))
        #expect(!holder.isEntitled(at: Self.at(1001)))
    }
}

extension LeaseTable {
    fileprivate mutating func acquire(
        _ name: String,
        at seconds: Int64 = 0,
        wall: WallTime = .zero
    ) throws -> KeyAcquisition {
        let holder = KeyHolder(backend: try #require(BackendID(name)), node: "n")
        return self.acquire(
            LeaseTests.key,
            for: holder,
            lease: LeaseTests.lease,
            now: LeaseTests.at(seconds),
            wall: wall
        )
    }
}
