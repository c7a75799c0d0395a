internal import NIOCore
public import ParleyHub
internal import ParleyModel

/// What every ``HistoryStore`` must do: run each scenario against an empty store.
public enum HistoryStoreConformance {
    public static let scenarios: [ConformanceScenario<any HistoryStore>] = [
        .init("What was said comes back as it was said, in its order") { store in
            let payloads: [Payload] = [
                Sample.text("hello"), Sample.text(""), Sample.text("\u{0}\u{1F600}'\"\\"),
                .json(ByteBuffer(string: #"{"a" : 1.0e5 }"#)), .binary(ByteBuffer(bytes: [0, 255, 10, 0])),
                .event(name: "caf\u{E9}\u{0}", arguments: ByteBuffer(string: "[1]")),
                .event(name: "", arguments: ByteBuffer()),
            ]
            let said = payloads.enumerated().map { index, payload in
                Self.entry("r", 7, UInt64(index + 1), payload, by: "cafe\u{301}\u{0}")
            }
            try await store.append(Array(said.prefix(3)), keeping: [:])
            try await store.append(Array(said.dropFirst(3)), keeping: [:])
            try expect(try await store.publications(in: Sample.topic("r")), said, "the history")
        },
        .init("Topics and spaces are kept apart, byte by byte") { store in
            let topics = [
                Sample.topic("caf\u{E9}"), Sample.topic("cafe\u{301}"), Sample.topic("caf\u{E9}", space: 1),
                Sample.topic(""), Sample.topic("a\u{0}"), Sample.topic("a"), Sample.topic("A"),
            ]
            let said = topics.enumerated().map { index, topic in
                StoredPublication(
                    topic: topic,
                    epoch: 1,
                    publication: Sample.publication(1, Sample.text("\(index)"))
                )
            }
            try await store.append(said, keeping: [:])
            for (topic, entry) in zip(topics, said) {
                try expect(try await store.publications(in: topic), [entry], "the history of \(topic)")
            }
            try expect(Set(try await store.topics()), Set(topics), "the topics")
            try expect(try await store.publications(in: Sample.topic("b")), [], "a history that there is not")
        },
        .init("The newest stay, as many as are to be kept") { store in
            let said = (1...10).map { Self.entry("r", 1, $0, Sample.text("\($0)")) }
            let other = (1...10).map { Self.entry("s", 1, $0, Sample.text("\($0)")) }
            for index in said.indices {
                try await store.append([said[index], other[index]], keeping: [Sample.topic("r"): 3])
            }
            try expect(try await store.publications(in: Sample.topic("r")), Array(said.suffix(3)), "the history")
            try expect(try await store.publications(in: Sample.topic("s")), other, "the history without a limit")
            try await store.append([], keeping: [Sample.topic("r"): 1, Sample.topic("nobody"): 1])
            try expect(try await store.publications(in: Sample.topic("r")), Array(said.suffix(1)), "what is left")
            try await store.append([], keeping: [Sample.topic("r"): 0])
            try expect(try await store.publications(in: Sample.topic("r")), [], "what is left in the end")
            try expect(try await store.topics(), [Sample.topic("s")], "the topics")
        },
        .init("A place is taken once: the same again changes nothing") { store in
            let said = (1...3).map { Self.entry("r", 1, $0, Sample.text("\($0)")) }
            try await store.append(said, keeping: [:])
            try await store.append(said, keeping: [:])
            try await store.append([Self.entry("r", 1, 2, Sample.text("another"))], keeping: [:])
            try expect(try await store.publications(in: Sample.topic("r")), said, "the history")
        },
        .init("Another epoch goes on behind the one before, with whatever offsets") { store in
            let said = [
                Self.entry("r", .max, 9, Sample.text("old")), Self.entry("r", 2, 1, Sample.text("new")),
                Self.entry("r", 2, 2, Sample.text("newer")),
            ]
            for entry in said { try await store.append([entry], keeping: [:]) }
            try expect(try await store.publications(in: Sample.topic("r")), said, "the history")
            try await store.append([], keeping: [Sample.topic("r"): 2])
            try expect(try await store.publications(in: Sample.topic("r")), Array(said.suffix(2)), "the newest")
        },
        .init("A topic that is removed is gone, the others stay") { store in
            let said = ["r", "s", "t"].map { Self.entry($0, 1, 1, Sample.text("x")) }
            try await store.append(said, keeping: [:])
            try await store.remove([Sample.topic("r"), Sample.topic("t"), Sample.topic("nobody")])
            try expect(try await store.topics(), [Sample.topic("s")], "the topics")
            try await store.remove([])
            try await store.append([said[0]], keeping: [:])
            try expect(try await store.publications(in: Sample.topic("r")), [said[0]], "the topic that came again")
        },
        .init("Many write at the same time") { store in
            try await withThrowingTaskGroup { group in
                for topic in 0..<16 {
                    group.addTask {
                        for offset in 1...20 as ClosedRange<UInt64> {
                            let entry = Self.entry("\(topic)", 1, offset, Sample.text("\(offset)"))
                            try await store.append([entry], keeping: [Sample.topic("\(topic)"): 10])
                        }
                    }
                }
                try await group.waitForAll()
            }
            for topic in 0..<16 {
                let offsets = try await store.publications(in: Sample.topic("\(topic)")).map(\.publication.offset)
                try expect(offsets, Array(11...20), "the offsets of topic \(topic)")
            }
        },
    ]

    private static func entry(
        _ topic: String,
        _ epoch: UInt64,
        _ offset: UInt64,
        _ payload: Payload,
        by name: String = "a"
    ) -> StoredPublication {
        StoredPublication(
            topic: Sample.topic(topic),
            epoch: epoch,
            publication: Sample.publication(offset, payload, by: name)
        )
    }
}
