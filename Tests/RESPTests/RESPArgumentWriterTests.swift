import NIOCore
import Testing

@testable import RESP

@Suite struct RESPArgumentWriterTests {
    @Test("A command is an array of strings, behind what was there")
    func command() {
        var buffer = ByteBuffer(string: "before")
        buffer.writeRESPCommand("SET", count: 6) { writer in
            writer.write("key" as String)
            writer.write(ByteBuffer(string: "va\r\nlue"))
            writer.write([1, 2, 3] as [UInt8])
            writer.write(-12)
            writer.write(UInt64.max)
            writer.write("" as StaticString)
        }
        let expected =
            "before*7\r\n$3\r\nSET\r\n$3\r\nkey\r\n$7\r\nva\r\nlue\r\n$3\r\n\u{1}\u{2}\u{3}\r\n$3\r\n-12\r\n"
            + "$19\r\n9223372036854775807\r\n$0\r\n\r\n"
        #expect(String(buffer: buffer) == expected)
    }

    @Test(
        "Digits are those that Swift writes",
        arguments: [0, 1, 9, 10, 99, 100, -1, -9, -10, 12_345, Int64.max, Int64.min]
    )
    func digits(number: Int64) {
        var buffer = ByteBuffer()
        let digits = RESPDigits(number)
        digits.write(into: &buffer)
        #expect(String(buffer: buffer) == "\(number)")
        #expect(digits.count == buffer.readableBytes)
    }
}
