public import ParleyHub
internal import ParleyModel

/// What every ``PresenceStore`` must do: run each scenario against an empty store.
public enum PresenceStoreConformance {
    public static let scenarios: [ConformanceScenario<any PresenceStore>] = [
        .init("Members are listed in the order of joining, each once") { store in
            let members = (0..<4).map { Sample.member("m\($0)", on: $0 % 2, slot: $0) }
            for member in members { try await store.add(member, to: Sample.topic("r")) }
            try await store.add(members[1], to: Sample.topic("r"))
            try expect(try await store.members(of: Sample.topic("r")), members, "the members")
            try expect(try await store.members(of: Sample.topic("s")), [], "the members of another topic")
            let renamed = Sample.member("new", on: 1, slot: 1)
            try await store.add(renamed, to: Sample.topic("r"))
            try expect(
                try await store.members(of: Sample.topic("r")).map(\.name),
                ["m0", "new", "m2", "m3"],
                "the names"
            )
        },
        .init("Who is removed is gone from that topic alone") { store in
            let member = Sample.member("a")
            for topic in ["r", "s"] { try await store.add(member, to: Sample.topic(topic)) }
            try expect(try await store.remove(member.client, from: Sample.topic("r")), true, "removing")
            try expect(try await store.remove(member.client, from: Sample.topic("r")), false, "removing again")
            try expect(try await store.members(of: Sample.topic("r")), [], "the members")
            try expect(try await store.members(of: Sample.topic("s")), [member], "the members of the other topic")
        },
        .init("A node that is gone takes its members from all topics, those of others stay") { store in
            let (gone, stays) = (Sample.member("a", on: 1), Sample.member("b", on: 2))
            for topic in ["r", "s"] {
                try await store.add(gone, to: Sample.topic(topic))
                try await store.add(stays, to: Sample.topic(topic))
            }
            try expect(
                try await store.removeAll(of: Sample.node(1)),
                [Sample.topic("r"): [gone], Sample.topic("s"): [gone]],
                "what was removed"
            )
            try expect(try await store.removeAll(of: Sample.node(1)), [:], "what was removed the second time")
            // Another life of the same node is another.
            try expect(try await store.removeAll(of: Sample.node(2, 1)), [:], "what another incarnation had")
            try expect(try await store.members(of: Sample.topic("r")), [stays], "the members")
        },
    ]
}
