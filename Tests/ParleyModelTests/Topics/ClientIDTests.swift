import ParleyModel
import Testing

/// Tests of `ClientID.swift` and `StreamPosition.swift`.
@Suite struct ClientIDTests {
    private static let connection = ConnectionID(shard: 1, slot: 2, generation: 3)

    @Test("Clients differ in node, incarnation, and each part of their connection")
    func distinct() {
        var clients: [ClientID] = []
        for node in 0..<2 as Range<UInt32> {
            for incarnation in 0..<2 as Range<UInt32> {
                for shard in 0..<2 as Range<UInt16> {
                    for slot in 0..<2 as Range<UInt32> {
                        for generation in 0..<2 as Range<UInt32> {
                            clients.append(
                                ClientID(
                                    incarnation: NodeIncarnation(node: NodeID(rawValue: node), number: incarnation),
                                    connection: ConnectionID(shard: shard, slot: slot, generation: generation)
                                )
                            )
                        }
                    }
                }
            }
        }
        #expect(Set(clients).count == 32)
        #expect(Set(clients.map(\.description)).count == 32)
    }

    @Test("A client reads as its node's life and its connection; a position as epoch and offset")
    func descriptions() {
        let incarnation = NodeIncarnation(node: NodeID(rawValue: 0xAB), number: 7)
        #expect(ClientID(incarnation: incarnation, connection: Self.connection).description == "ab.7/1-2-3")
        #expect(StreamPosition(epoch: 9, offset: 4).description == "9:4")
        #expect(StreamPosition(epoch: 9, offset: 4) != StreamPosition(epoch: 8, offset: 4))
    }
}
