import ParleyModel
import Testing

@testable import ParleyHub

@Suite struct MemberListTests {
    @Test("Members come in the order of joining, and a leave disturbs nobody's rank")
    func order() {
        var list = MemberList()
        let members = (0..<5).map { Self.member($0) }
        for member in members { list.append(member, format: Self.format, holdsName: false) }
        #expect(Self.names(list) == ["m0", "m1", "m2", "m3", "m4"])
        #expect(list.remove(members[1].client)?.member == members[1])
        #expect(list.remove(members[1].client) == nil)
        #expect(Self.names(list) == ["m0", "m2", "m3", "m4"])
        list.append(members[1], format: Self.format, holdsName: false)
        #expect(Self.names(list) == ["m0", "m2", "m3", "m4", "m1"])
        #expect(list.count == 5)
    }

    @Test("A replacement keeps the rank and holds the name")
    func replacement() {
        var list = MemberList()
        let members = (0..<3).map { Self.member($0) }
        for member in members { list.append(member, format: Self.format, holdsName: true) }
        let newcomer = Self.member(9, name: "m1")
        list.replace(members[1].client, with: newcomer, format: Self.format)
        #expect(Self.names(list) == ["m0", "m1", "m2"])
        #expect(list[newcomer.client] == newcomer)
        #expect(list[members[1].client] == nil)
        #expect(list.holder(of: "m1", in: .relay)?.member == newcomer)
        #expect(list.remove(members[1].client) == nil)
        #expect(list.count(of: .relay) == 3)
        #expect(list.remove(newcomer.client)?.member == newcomer)
        #expect(list.holder(of: "m1", in: .relay) == nil)
        #expect(list.count(of: .relay) == 2)
    }

    @Test("A name is held in one dialect, and only by those who asked to hold it")
    func names() {
        var list = MemberList()
        list.append(Self.member(0, name: "x"), format: Self.format, holdsName: false)
        #expect(list.holder(of: "x", in: .relay) == nil)
        list.append(Self.member(1, name: "x"), format: Self.format, holdsName: true)
        #expect(list.holder(of: "x", in: .relay)?.member.client == Self.member(1).client)
        #expect(list.holder(of: "x", in: .sessionChat) == nil)
        list.remove(Self.member(0).client)
        #expect(list.holder(of: "x", in: .relay) != nil)
        list.remove(Self.member(1).client)
        #expect(list.holder(of: "x", in: .relay) == nil)
        #expect(list.isEmpty)
    }

    @Test("Any operations leave what a plain array would hold", arguments: 0..<20 as Range<UInt64>)
    func model(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var list = MemberList()
        var model: [Member] = []
        for step in 0..<400 {
            let index = model.indices.randomElement(using: &random)
            switch (Int.random(in: 0..<10, using: &random), index) {
            case (0..<5, _), (_, nil):
                let dialect: DialectName = Bool.random(using: &random) ? .relay : .sessionChat
                let member = Self.member(step, dialect: dialect)
                list.append(member, format: Self.format, holdsName: true)
                model.append(member)
            case (5, let index?):
                let newcomer = Self.member(step, name: model[index].name, dialect: model[index].dialect)
                list.replace(model[index].client, with: newcomer, format: Self.format)
                model[index] = newcomer
            case (_, let index?):
                #expect(list.remove(model[index].client)?.member == model[index])
                model.remove(at: index)
            }
            // Grow first, then shrink, so that holes are swept many times.
            if step > 200, let last = model.popLast() { list.remove(last.client) }
            #expect(list.all == model, "seed \(seed), step \(step)")
            #expect(list.count == model.count)
            #expect(list.isEmpty == model.isEmpty)
            #expect(list.count(of: .relay) == model.count { $0.dialect == .relay })
            #expect(
                model.allSatisfy { list[$0.client] == $0 && list.holder(of: $0.name, in: $0.dialect)?.member == $0 }
            )
        }
    }

    private static let format = FormatID(index: 0)

    private static func member(_ number: Int, name: String? = nil, dialect: DialectName = .relay) -> Member {
        Member(
            client: ClientID(
                incarnation: .lone,
                connection: ConnectionID(shard: 0, slot: UInt32(number), generation: 0)
            ),
            id: "id\(number)",
            name: name ?? "m\(number)",
            dialect: dialect
        )
    }

    private static func names(_ list: MemberList) -> [String] { list.all.map(\.name) }
}
