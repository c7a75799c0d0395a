import NIOCore
import ParleyBackends
import ParleyModel
import Testing

@Suite struct LeaseTests {
    private static let key = BackendKey(scope: "account/service", name: "document")
    private static func at(_ seconds: Int64) -> NIODeadline { .zero + .seconds(seconds) }

    private static func grant(_ acquisition: LeaseTable.Acquisition) -> LeaseTable.Grant? {
        if case .acquired(let grant) = acquisition { return grant }
        return nil
    }

    @Test("A key has one holder until it is released")
    func exclusion() throws {
        var table = LeaseTable()
        let first = try #require(Self.grant(table.acquire(Self.key, for: "a", now: Self.at(0), wall: .zero)))
        #expect(table.acquire(Self.key, for: "b", now: Self.at(1), wall: .zero) == .held(first))
        table.release(first)
        #expect(Self.grant(table.acquire(Self.key, for: "b", now: Self.at(1), wall: .zero))?.holder == "b")
    }

    @Test("A lease that is not renewed ends after a minute, and can be renewed no more")
    func expiry() throws {
        var table = LeaseTable()
        let first = try #require(Self.grant(table.acquire(Self.key, for: "a", now: Self.at(0), wall: .zero)))
        #expect(table.renew(first, now: Self.at(30)) == true)
        #expect(table.holder(of: Self.key, now: Self.at(89)) == first)
        #expect(table.holder(of: Self.key, now: Self.at(90)) == nil)
        #expect(table.renew(first, now: Self.at(90)) == false)
        let second = try #require(Self.grant(table.acquire(Self.key, for: "b", now: Self.at(90), wall: .zero)))
        table.release(first)
        #expect(table.holder(of: Self.key, now: Self.at(90)) == second)
    }

    @Test("An operator forces a holder out by forbidding its renewal")
    func forbidden() throws {
        var table = LeaseTable()
        let grant = try #require(Self.grant(table.acquire(Self.key, for: "a", now: Self.at(0), wall: .zero)))
        table.forbidRenewal(Self.key)
        #expect(table.renew(grant, now: Self.at(1)) == false)
        #expect(table.holder(of: Self.key, now: Self.at(59)) == grant)
        #expect(table.holder(of: Self.key, now: Self.at(60)) == nil)
    }

    @Test("Fencing tokens grow with every acquisition, whatever the clock does, and stay over renewals")
    func fencing() throws {
        var table = LeaseTable()
        var tokens: [Int64] = []
        for milliseconds in [1000, 1000, 400, 5000, 4999] as [Int64] {
            let wall = WallTime(milliseconds: milliseconds)
            let grant = try #require(Self.grant(table.acquire(Self.key, for: "a", now: Self.at(0), wall: wall)))
            tokens.append(grant.fencingToken)
            #expect(table.renew(grant, now: Self.at(0)) == true)
            #expect(table.holder(of: Self.key, now: Self.at(0))?.fencingToken == grant.fencingToken)
            table.release(grant)
        }
        #expect(tokens == [1000, 1001, 1002, 5000, 5001])
    }

    @Test("Expired leases are forgotten")
    func purge() {
        var table = LeaseTable()
        _ = table.acquire(Self.key, for: "a", now: Self.at(0), wall: .zero)
        table.purge(now: Self.at(59))
        #expect(table.count == 1)
        table.purge(now: Self.at(60))
        #expect(table.count == 0)
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
        #expect(holder.deadline == Self.at(60))
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
