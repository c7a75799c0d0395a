import NIOCore
import Testing

@testable import SocketIO

@Suite("Packets of Socket.IO")
struct SocketPacketDecoderTests {
    private static func text(_ packet: SocketPacket?) -> String {
        guard let packet else { return "pending" }
        let where_ = packet.namespace
        switch packet.content {
        case .connect(let auth): return "connect \(where_) \(auth.map { String(buffer: $0) } ?? "-")"
        case .disconnect: return "disconnect \(where_)"
        case .event(let name, let arguments, let id):
            return "event \(where_) \(name) \(Self.json(arguments)) \(id.map(String.init) ?? "-")"
        case .ack(let arguments, let id): return "ack \(where_) \(Self.json(arguments)) \(id)"
        }
    }

    private static func json(_ arguments: SocketArguments) -> String {
        var json = ByteBuffer()
        var attachments: [ByteBuffer] = []
        arguments.write(into: &json, attachments: &attachments)
        return "[\(String(buffer: json))]\(attachments.isEmpty ? "" : "+\(attachments.count)")"
    }

    @Test(
        "Packets are read",
        arguments: [
            ("0", "connect / -"), ("0/admin,", "connect /admin -"), ("0/admin", "connect /admin -"),
            (#"0{"a":1}"#, #"connect / {"a":1}"#), (#"0/a b,{"t":"x"}"#, #"connect /a b {"t":"x"}"#),
            ("1", "disconnect /"), ("1/admin,", "disconnect /admin"),
            (#"2["hi"]"#, "event / hi [] -"), (#"2["hi",1,{"b":[2]}]"#, #"event / hi [1,{"b":[2]}] -"#),
            (#"2/admin,12["x"]"#, "event /admin x [] 12"), (#"20["x"]"#, "event / x [] 0"),
            (#"29007199254740991["x"]"#, "event / x [] 9007199254740991"), (#"2[5,"a"]"#, #"event / 5 ["a"] -"#),
            (#"2 ["x" , 1 ] "#, "event / x [1] -"), ("31[]", "ack / [] 1"), (#"3/a,7["b"]"#, #"ack /a ["b"] 7"#),
            (#"50-["x",1]"#, "event / x [1] -"),
            (#"2["x",{"_placeholder":true,"num":0}]"#, #"event / x [{"_placeholder":true,"num":0}] -"#),
            (#"2["connection"]"#, "event / connection [] -"),
        ]
    )
    func read(_ wire: String, _ expected: String) throws {
        var decoder = SocketPacketDecoder()
        #expect(Self.text(try decoder.receive(text: ByteBuffer(string: wire))) == expected)
    }

    @Test(
        "A CONNECT of Socket.IO 2 may have a query, read as Node reads it",
        arguments: [
            ("0/admin?a=1&b=%2Fx+y,", #"connect /admin {"a":"1","b":"/x y"}"#), ("0/?a", #"connect / {"a":""}"#),
            ("0/a?,", "connect /a {}"), ("0/a?&&b=c=d", #"connect /a {"b":"c=d"}"#),
            ("0/a?%zz=%ff", "connect /a {\"%zz\":\"\u{FFFD}\"}"), ("0/a?b=\u{301}c", "connect /a {\"b\":\"\u{301}c\"}"),
            ("0/a,", "connect /a -"),
        ]
    )
    func query(_ wire: String, _ expected: String) throws {
        var decoder = SocketPacketDecoder(revision: .four)
        #expect(Self.text(try decoder.receive(text: ByteBuffer(string: wire))) == expected)
    }

    @Test(
        "What is no packet closes",
        arguments: [
            ("", SocketFailure.Code.malformed), ("7", .malformed), ("9[]", .malformed), ("x", .malformed),
            ("2", .malformed),
            ("2{}", .payload), ("2[]", .payload), ("2[null]", .payload), (#"2["connect"]"#, .reservedEvent),
            (#"2["newListener"]"#, .reservedEvent), (#"2["disconnecting"]"#, .reservedEvent), (#"2["x"]y"#, .malformed),
            (#"2["x""#, .malformed), ("0[]", .payload), (#"0"x""#, .payload), ("0null", .payload), ("0{", .malformed),
            (#"1["x"]"#, .payload), ("43", .payload), ("4{}", .payload), ("3[]", .payload), (#"3x[]"#, .malformed),
            ("3", .malformed), (#"5["x"]"#, .malformed), ("5-", .malformed), (#"5x-["x"]"#, .malformed),
            (#"51.5-["x"]"#, .malformed), (#"511-["x"]"#, .tooManyAttachments), (#"51e0-["x"]"#, .malformed),
            (#"5+1-["x"]"#, .malformed), (#"5 1-["x"]"#, .malformed), (#"50x1-["x"]"#, .malformed),
            (#"5-1-["x"]"#, .malformed), (#"5١-["x"]"#, .malformed), (#"5999999999999999999999-["x"]"#, .malformed),
            ("31", .malformed), ("3/a,", .malformed),
            (#"29007199254740992["x"]"#, .malformed),
            (#"299999999999999999["x"]"#, .malformed),
        ]
    )
    func malformed(_ wire: String, _ code: SocketFailure.Code) {
        var decoder = SocketPacketDecoder()
        #expect(throws: SocketFailure(code)) { try decoder.receive(text: ByteBuffer(string: wire)) }
    }

    @Test(
        "A packet may be nested 256 deep, and no deeper",
        arguments: ["2", "31", "51-", "0"],
        [(200, true), (256, true), (257, false)]
    )
    func depth(_ head: String, _ level: (depth: Int, isAllowed: Bool)) {
        var decoder = SocketPacketDecoder()
        // A CONNECT is an object, the others are arrays with a name or an argument.
        let (open, first, close) = head == "0" ? (#"{"a":"#, "", "}") : ("[", #""x","#, "]")
        let inner = level.depth - 1
        let json = open + first + String(repeating: "[", count: inner) + String(repeating: "]", count: inner) + close
        let packet = Result { try decoder.receive(text: ByteBuffer(string: head + json)) }
        if level.isAllowed {
            #expect(throws: Never.self) { try packet.get() }
        } else {
            #expect(throws: SocketFailure.self) { try packet.get() }
        }
    }

    @Test("Attachments take the place of their placeholders")
    func binary() throws {
        var decoder = SocketPacketDecoder()
        let header = #"52-/a,3["x",{"_placeholder":true,"num":1},[{"_placeholder":true,"num":0}]]"#
        #expect(try decoder.receive(text: ByteBuffer(string: header)) == nil)
        let begun = decoder.pendingBytes
        #expect(begun > header.utf8.count / 2)
        #expect(try decoder.receive(binary: ByteBuffer(bytes: [1])) == nil)
        #expect(decoder.pendingBytes > begun)
        let packet = try decoder.receive(binary: ByteBuffer())
        guard case .event("x", let arguments, id: 3) = packet?.content else {
            Issue.record("expected an event")
            return
        }
        #expect(arguments.values == [.binary(ByteBuffer()), [SocketValue.binary(ByteBuffer(bytes: [1]))]])
        #expect(!decoder.isPending && decoder.pendingBytes == 0)
    }

    @Test("Placeholders have to have an attachment", arguments: ["1", "-1", "0.5", #""0""#, "null"])
    func placeholder(_ number: String) throws {
        var decoder = SocketPacketDecoder()
        let header = #"51-["x",{"_placeholder":true,"num":\#(number)}]"#
        #expect(try decoder.receive(text: ByteBuffer(string: header)) == nil)
        #expect(throws: SocketFailure(.placeholder)) { try decoder.receive(binary: ByteBuffer(bytes: [1])) }
    }

    @Test("Nothing may come between a packet and its attachments, and no attachment without a packet")
    func order() throws {
        var decoder = SocketPacketDecoder()
        #expect(throws: SocketFailure(.unexpectedBinary)) { try decoder.receive(binary: ByteBuffer()) }
        #expect(try decoder.receive(text: ByteBuffer(string: #"51-["x"]"#)) == nil)
        #expect(throws: SocketFailure(.interleaved)) { try decoder.receive(text: ByteBuffer(string: #"2["x"]"#)) }
    }

    @Test(
        "Packets are written",
        arguments: [
            (SocketParser.json.event("x", [1, "a"], namespace: "/"), #"42["x",1,"a"]"#),
            (SocketParser.json.event("x", .none, namespace: "/a", id: 7), #"42/a,7["x"]"#),
            (SocketParser.json.event("x", [2], namespace: "/", offset: "o"), #"42["x",2,"o"]"#),
            (SocketParser.json.ack(.none, namespace: "/", id: 5), "435[]"),
            (SocketParser.json.connected(namespace: "/", socketID: "s"), #"40{"sid":"s"}"#),
            (
                SocketParser.json.connected(namespace: "/a", socketID: "s", privateID: "p"),
                #"40/a,{"sid":"s","pid":"p"}"#
            ),
            (
                SocketParser.json.connectError(namespace: "/x", message: "Invalid namespace", data: nil),
                #"44/x,{"message":"Invalid namespace"}"#
            ),
            (
                SocketParser.json.connectError(namespace: "/mw", message: "denied", data: ["code": 42]),
                #"44/mw,{"message":"denied","data":{"code":42}}"#
            ),
            (SocketParser.json.disconnect(namespace: "/"), "41"),
            (SocketParser.json.disconnect(namespace: "/a"), "41/a,"),
            (
                SocketParser.json.event("x", [SocketValue.binary(ByteBuffer(bytes: [1]))], namespace: "/a", id: 1),
                #"451-/a,1["x",{"_placeholder":true,"num":0}]"#
            ),
            (
                SocketParser.json.ack([SocketValue.binary(ByteBuffer(bytes: [1]))], namespace: "/", id: 9),
                #"461-9[{"_placeholder":true,"num":0}]"#
            ),
        ]
    )
    func write(_ packet: EncodedPacket, _ expected: String) {
        #expect(packet.text.map { String(buffer: $0) } == expected)
    }

    @Test("Packets of the msgpack parser come back as they went")
    func messagePack() throws {
        let wire = SocketParser.messagePack.event(
            "x",
            [1, SocketValue.binary(ByteBuffer(bytes: [9]))],
            namespace: "/a",
            id: 3
        )
        #expect(wire.text == nil)
        let packet = try MessagePackPacket.parse(wire.attachments[0])
        guard case .event("x", let arguments, id: 3) = packet.content else {
            Issue.record("expected an event")
            return
        }
        #expect(packet.namespace == "/a")
        #expect(arguments.values == [1, SocketValue.binary(ByteBuffer(bytes: [9]))])
    }

    @Test(
        "What is no msgpack packet closes",
        arguments: [[], [0x80], [0xc0], [0x81, 0xa4, 0x74, 0x79, 0x70, 0x65, 0x00]] as [[UInt8]]
    )
    func malformedMessagePack(_ bytes: [UInt8]) {
        #expect(throws: SocketFailure.self) { try MessagePackPacket.parse(ByteBuffer(bytes: bytes)) }
    }

    @Test("Arguments are looked at one by one without parsing the others")
    func arguments() throws {
        var decoder = SocketPacketDecoder()
        let packet = try decoder.receive(text: ByteBuffer(string: #"2["x", "a,]\"b" , {"k":[1,2]},3]"#))
        guard case .event(_, let arguments, _) = packet?.content else {
            Issue.record("expected an event")
            return
        }
        #expect(arguments.count == 3)
        #expect(arguments[0].string == "a,]\"b")
        #expect(arguments[1]["k"]?[1] == 2)
        #expect(arguments[2] == 3)
        #expect(arguments[3].isNull)
        #expect(arguments.values.count == 3)
    }
}
