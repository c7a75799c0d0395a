import NIOCore
import Testing

@testable import RESP

@Suite struct RESPContentsTests {
    @Test(
        "A number is one, whichever way it came",
        arguments: [
            (.integer(5), 5), (.bulk("5"), 5), (.simple("-5"), -5), (.bulk(""), nil), (.bulk("5x"), nil), (.null, nil),
            (.attributed(.integer(5), attributes: []), 5), (.double(5), nil),
        ] as [(RESPValue, Int64?)]
    )
    func integer(value: RESPValue, number: Int64?) {
        #expect(value.integer == number)
    }

    @Test(
        "A map is one, also as the array that version 2 has for it",
        arguments: [
            .map([RESPPair(.bulk("a"), .integer(1))]), .array([.bulk("a"), .integer(1)]),
            .attributed(.array([.simple("a"), .integer(1)]), attributes: []),
        ] as [RESPValue]
    )
    func map(value: RESPValue) {
        #expect(value["a"]?.integer == 1)
        #expect(value["b"] == nil)
        #expect(RESPValue.array([.integer(1)]).pairs == nil)
    }

    @Test(
        "An error has a code and a text",
        arguments: [
            ("NOSCRIPT No matching script.", "NOSCRIPT"), ("ERR", "ERR"), ("", ""), ("WRONGTYPE x", "WRONGTYPE"),
        ]
    )
    func error(text: String, code: String) {
        #expect(RESPValue.error(text).error?.code == code)
        #expect(RESPValue.bulkError(ByteBuffer(string: text)).error?.text == text)
        #expect(RESPValue.error(text).isError)
        #expect(!RESPValue.simple(text).isError)
    }
}
