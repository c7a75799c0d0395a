import NIOCore
import Testing

@testable import ParleyDialects

@Suite struct ChannelServerRequestTests {
    /// Values that a re-encoding would change or lose.
    static let data = [
        "12345678901234567890", "1.0", "1E+2", "-0", "0.10", "null", "false", "true", "0", "\"\"", "[]", "{}",
        "\"\\u0041\\/\"",
        #"{"n":12345678901234567890,"a":[1.0,null]}"#, #"{"z":1,"a":2,"z":3}"#, #"{ "a" : [ 1 , 2 ] }"#,
        "\"\u{2028}é\"", "\"\\ud800\"",
    ]

    static let unusable = [
        "hello", "[]", "{}", #"{"type":"x"}"#, "", "null", "1", "\"join\"", #"{"type":1}"#, #"{"type":null}"#,
        #"{"type":"Join"}"#,
        #"{"type":"joinx"}"#, #"{"type":""}"#, #"{"type":["ping"]}"#, #"{"Type":"ping"}"#, #"{"type":"ping"}x"#,
        #"{"type":"ping""#,
        #"{"type":"ping","data":}"#, #"{"type":"ping","data":01}"#, #"[{"type":"ping"}]"#,
        #"{"type":"ping","type":"x"}"#,
    ]

    @Test("Data is the raw bytes of its value", arguments: data)
    func raw(data: String) {
        #expect(
            ChannelServerRequest(ByteBuffer(string: "{\"type\":\"publish\",\"data\":\(data)}"))
                == .publish(ByteBuffer(string: data))
        )
        #expect(
            ChannelServerRequest(ByteBuffer(string: "{\"data\": \(data) ,\"type\":\"ping\"}"))
                == .ping(ByteBuffer(string: data))
        )
    }

    @Test("What is no request is unusable", arguments: unusable)
    func unusable(message: String) {
        #expect(ChannelServerRequest(ByteBuffer(string: message)) == .unusable)
    }

    @Test(
        "A type may be spelled with escapes",
        arguments: [#"{"type":"p\u0069ng"}"#, #"{"t\u0079pe":"ping"}"#, #"{"type":"\u0070\u0069\u006e\u0067"}"#]
    )
    func escapes(message: String) {
        #expect(ChannelServerRequest(ByteBuffer(string: message)) == .ping(nil))
    }

    @Test("Of a repeated key the last one counts")
    func repeated() {
        #expect(
            ChannelServerRequest(ByteBuffer(string: #"{"type":"ping","type":"join","channelId":"a","channelId":"b"}"#))
                == .join("b")
        )
        #expect(
            ChannelServerRequest(ByteBuffer(string: #"{"type":"publish","data":1,"data":2}"#))
                == .publish(ByteBuffer(string: "2"))
        )
    }

    @Test("Data nested too deeply is unusable, not fatal")
    func deep() {
        let data = String(repeating: "[", count: 100_000)
        #expect(ChannelServerRequest(ByteBuffer(string: "{\"type\":\"publish\",\"data\":\(data)")) == .unusable)
    }
}
