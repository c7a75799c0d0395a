import NIOCore
import Testing

@testable import SocketIO

@Suite struct SocketValueAttachmentTests {
    static let one = ByteBuffer(bytes: [1])
    static let two = ByteBuffer(bytes: [2, 2])
    static let three = ByteBuffer()

    @Test("Bytes are cut out in the order in which they stand, depth first")
    func cutOut() throws {
        let value: SocketValue = [
            "a", ["z": .binary(Self.one), "a": [["deep": .binary(Self.two)], 1]], .binary(Self.three),
            .binary(Self.one),
        ]
        var json = ByteBuffer()
        var attachments: [ByteBuffer] = []
        value.writeJSON(into: &json, attachments: &attachments)
        #expect(
            String(buffer: json) == #"["a",{"z":{"_placeholder":true,"num":0},"#
                + #""a":[{"deep":{"_placeholder":true,"num":1}},1]},"#
                + #"{"_placeholder":true,"num":2},{"_placeholder":true,"num":3}]"#
        )
        #expect(attachments == [Self.one, Self.two, Self.three, Self.one])

        let parsed = try SocketValue(json: json)
        #expect(try parsed.substitutingAttachments(attachments) == value)
        #expect(try SocketValue.json(json).substitutingAttachments(attachments) == value)
    }

    @Test("Indices go on from the attachments that are there already")
    func runningIndex() {
        var json = ByteBuffer()
        var attachments = [Self.one]
        SocketValue.binary(Self.two).writeJSON(into: &json, attachments: &attachments)
        #expect(String(buffer: json) == #"{"_placeholder":true,"num":1}"#)
        #expect(attachments == [Self.one, Self.two])
    }

    static let substituted: [(text: String, value: SocketValue)] = [
        (#"{"_placeholder":true,"num":1}"#, .binary(two)), (#"{"num":0,"x":[],"_placeholder":true}"#, .binary(one)),
        (#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#, [.binary(one), .binary(one)]),
        (#"{"_placeholder":true,"num":1.0}"#, .binary(two)), (#"{"\u005fplaceholder":true,"num":1}"#, .binary(two)),
        // Only true itself makes a placeholder.
        (#"{"_placeholder":1,"num":1}"#, ["_placeholder": 1, "num": 1]),
        (#"{"_placeholder":false,"num":9}"#, ["_placeholder": false, "num": 9]),
        (#"{"_placeholder":"true"}"#, ["_placeholder": "true"]), (#"["_placeholder",true]"#, ["_placeholder", true]),
        (#"{"_Placeholder":true,"num":0}"#, ["_Placeholder": true, "num": 0]), ("[]", []),
    ]

    @Test("Placeholders are replaced, and only they", arguments: substituted)
    func substitutes(text: String, value: SocketValue) throws {
        let json = ByteBuffer(string: text)
        #expect(try SocketValue(json: json).substitutingAttachments([Self.one, Self.two]) == value)
        #expect(try SocketValue.json(json).substitutingAttachments([Self.one, Self.two]) == value)
    }

    static let refused: [(String, PlaceholderFailure.Reason)] = [
        (#"{"_placeholder":true}"#, .notAnInteger), (#"{"_placeholder":true,"num":"0"}"#, .notAnInteger),
        (#"{"_placeholder":true,"num":null}"#, .notAnInteger), (#"{"_placeholder":true,"num":0.5}"#, .notAnInteger),
        (#"{"_placeholder":true,"num":1e300}"#, .notAnInteger), (#"{"_placeholder":true,"num":2}"#, .outOfRange),
        (#"{"_placeholder":true,"num":-1}"#, .outOfRange), (#"[1,{"a":{"_placeholder":true,"num":2}}]"#, .outOfRange),
        (#"{"_placeholder":true,"num":9223372036854775807}"#, .outOfRange),
    ]

    @Test("A placeholder that means no attachment is refused", arguments: refused)
    func refuses(text: String, reason: PlaceholderFailure.Reason) throws {
        let value = try SocketValue(json: ByteBuffer(string: text))
        #expect(throws: PlaceholderFailure(reason: reason)) {
            try value.substitutingAttachments([Self.one, Self.two])
        }
    }

    @Test(
        "The quick look misses no spelling of a placeholder, and spares other JSON from being parsed",
        arguments: [
            (#"{"_placeholder":true}"#, true), (#"{"\u005fplaceholder":true}"#, true),
            (#"{"_pl\u0061ceholder":true}"#, true),
            (#""_placeholder""#, true), ("_placeholder", true), ("__placeholder", true), ("_placeholde", false),
            (#"{"_place":"holder_","a\n\u1234":"é_"}"#, false), ("", false), ("_", false), ("\\", false),
        ]
    )
    func quickLook(text: String, expected: Bool) {
        #expect(SocketValue.mayHavePlaceholders(ByteBuffer(string: text)) == expected)
    }

    @Test("There may be no more placeholders than attachments are allowed")
    func uses() throws {
        let placeholder = #"{"_placeholder":true,"num":0}"#
        func value(_ count: Int) throws -> SocketValue {
            let json = "[" + Array(repeating: placeholder, count: count).joined(separator: ",") + "]"
            return try SocketValue(json: ByteBuffer(string: json)).substitutingAttachments([Self.one], maximumUses: 3)
        }
        #expect(try value(3) == .array([.binary(Self.one), .binary(Self.one), .binary(Self.one)]))
        #expect(throws: PlaceholderFailure(reason: .tooMany)) { try value(4) }
    }
}
