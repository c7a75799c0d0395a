public import ParleyHub
internal import ParleyModel

/// What every ``NodeDirectory`` must do: run each scenario against an empty directory.
public enum NodeDirectoryConformance {
    public static let scenarios: [ConformanceScenario<any NodeDirectory>] = [
        .init("A node is listed while its lease runs, and expired from its end") { nodes in
            let (one, two) = (Self.record(1), Self.record(2))
            try await nodes.register(two, lease: 6000, now: Sample.start)
            try await nodes.register(one, lease: 3000, now: Sample.start)
            try expect(try await nodes.nodes(now: Sample.after(2999)), [one, two], "the nodes")
            try expect(try await nodes.expired(now: Sample.after(2999)), [], "those that are over")
            try expect(try await nodes.nodes(now: Sample.after(3000)), [two], "the nodes later")
            try expect(try await nodes.expired(now: Sample.after(3000)), [one], "those that are over later")
        },
        .init("A number is one node's") { nodes in
            try await nodes.register(Self.record(1), lease: 6000, now: Sample.start)
            for incarnation in 0...1 as ClosedRange<UInt32> {
                do {
                    try await nodes.register(Self.record(1, incarnation), lease: 6000, now: Sample.after(1))
                } catch let error as StoreError where error.code == .exists { continue }
                throw ConformanceFailure("Expected a number in use to be refused with the code `exists`")
            }
        },
        .init("A lease is renewed, even when it is over, unless somebody has acted on that") { nodes in
            let node = Self.record(1)
            try await nodes.register(node, lease: 6000, now: Sample.start)
            try expect(try await nodes.renew(node.incarnation, lease: 6000, now: Sample.after(7000)), true, "renewing")
            try expect(try await nodes.nodes(now: Sample.after(12_999)), [node], "the nodes")
            try expect(try await nodes.claim(node.incarnation, now: Sample.after(12_999)), false, "an early claim")
            try expect(try await nodes.claim(node.incarnation, now: Sample.after(13_000)), true, "a claim")
            try expect(
                try await nodes.renew(node.incarnation, lease: 6000, now: Sample.after(13_001)),
                false,
                "renewing it"
            )
            try expect(try await nodes.nodes(now: Sample.after(13_001)), [], "the nodes then")
        },
        .init("A claim whose reaper has failed can be taken by the next, until somebody has finished") { nodes in
            let node = Self.record(1)
            try await nodes.register(node, lease: 6000, now: Sample.start)
            for _ in 0..<2 {
                try expect(try await nodes.claim(node.incarnation, now: Sample.after(6000)), true, "a claim")
                try expect(try await nodes.expired(now: Sample.after(6000)), [node], "those that are over")
            }
            try await nodes.finish(node.incarnation)
            try expect(try await nodes.claim(node.incarnation, now: Sample.after(6000)), false, "a claim of nothing")
            try expect(try await nodes.expired(now: Sample.after(6000)), [], "those that are over in the end")
            try await nodes.finish(node.incarnation)
        },
        .init("A node comes back as another incarnation, which the former one's affairs do not touch") { nodes in
            let (old, new) = (Self.record(1), Self.record(1, 1))
            try await nodes.register(old, lease: 6000, now: Sample.start)
            _ = try await nodes.claim(old.incarnation, now: Sample.after(6000))
            try await nodes.finish(old.incarnation)
            try await nodes.register(new, lease: 6000, now: Sample.after(6000))
            try expect(try await nodes.renew(old.incarnation, lease: 9000, now: Sample.after(6001)), false, "renewing")
            try await nodes.finish(old.incarnation)
            try expect(try await nodes.claim(old.incarnation, now: Sample.after(60_000)), false, "claiming")
            try expect(try await nodes.nodes(now: Sample.after(6001)), [new], "the nodes")
        },
    ]

    private static func record(_ number: UInt32, _ incarnation: UInt32 = 0) -> NodeRecord {
        NodeRecord(incarnation: Sample.node(number, incarnation), address: "10.0.0.\(number):8000")
    }
}
