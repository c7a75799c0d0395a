import NIOCore
import Testing

@testable import RESP

@Suite struct RESPParserTests {
    @Test(
        "Every type of both versions is read",
        arguments: [
            ("+OK\r\n", .simple("OK")), ("+\r\n", .simple("")), ("-ERR no\r\n", .error("ERR no")),
            (":0\r\n", .integer(0)), (":-42\r\n", .integer(-42)), (":+7\r\n", .integer(7)),
            (":9223372036854775807\r\n", .integer(.max)), (":-9223372036854775808\r\n", .integer(.min)),
            ("$5\r\na\r\nbc\r\n", .bulk("a\r\nbc")), ("$0\r\n\r\n", .bulk("")), ("$-1\r\n", .null), ("*-1\r\n", .null),
            ("_\r\n", .null), ("#t\r\n", .boolean(true)), ("#f\r\n", .boolean(false)),
            (",1.5\r\n", .double(1.5)), (",-1e-7\r\n", .double(-1e-7)), (",10\r\n", .double(10)),
            (",inf\r\n", .double(.infinity)), (",-inf\r\n", .double(-.infinity)),
            ("(-3492890328409238509324850943850943825024385\r\n", .big("-3492890328409238509324850943850943825024385")),
            ("!5\r\nERR x\r\n", .bulkError(ByteBuffer(string: "ERR x"))),
            ("=7\r\ntxt:abc\r\n", .verbatim("txt", "abc")),
            ("=4\r\nmkd:\r\n", .verbatim("mkd", "")),
            ("*0\r\n", .array([])), ("*2\r\n:1\r\n*1\r\n_\r\n", .array([.integer(1), .array([.null])])),
            ("~2\r\n:1\r\n:1\r\n", .set([.integer(1), .integer(1)])), ("~0\r\n", .set([])),
            ("%1\r\n+a\r\n:1\r\n", .map([RESPPair(.simple("a"), .integer(1))])), ("%0\r\n", .map([])),
            (">2\r\n+message\r\n$1\r\nx\r\n", .push([.simple("message"), .bulk("x")])),
            (
                "|1\r\n+ttl\r\n:5\r\n$1\r\nv\r\n",
                .attributed(.bulk("v"), attributes: [RESPPair(.simple("ttl"), .integer(5))])
            ),
            ("|0\r\n:1\r\n", .attributed(.integer(1), attributes: [])),
            (
                "*1\r\n|1\r\n+a\r\n+b\r\n*1\r\n:1\r\n",
                .array([
                    .attributed(.array([.integer(1)]), attributes: [RESPPair(.simple("a"), .simple("b"))])
                ])
            ),
        ] as [(String, RESPValue)]
    )
    func types(text: String, value: RESPValue) {
        let result = parse(text)
        #expect(result.values == [value])
        #expect(result.error == nil)
    }

    @Test(
        "What is streamed is read as what is announced",
        arguments: [
            ("$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n", .bulk("Hello")), ("$?\r\n;0\r\n", .bulk("")),
            ("*?\r\n:1\r\n*?\r\n.\r\n.\r\n", .array([.integer(1), .array([])])),
            ("~?\r\n+a\r\n.\r\n", .set([.simple("a")])),
            ("%?\r\n+a\r\n:1\r\n.\r\n", .map([RESPPair(.simple("a"), .integer(1))])),
            ("*2\r\n$?\r\n;1\r\na\r\n;0\r\n:2\r\n", .array([.bulk("a"), .integer(2)])),
        ] as [(String, RESPValue)]
    )
    func streamed(text: String, value: RESPValue) {
        let result = parse(text)
        #expect(result.values == [value])
        #expect(result.error == nil)
    }

    @Test("Not a number is one")
    func notANumber() throws {
        guard case .double(let number)? = parse(",nan\r\n").values.first else {
            Issue.record("expected a double")
            return
        }
        #expect(number.isNaN)
    }

    @Test(
        "What is none of the protocol is refused, and says what was expected",
        arguments: [
            ("HTTP/1.1 400 Bad Request\r\n", .unknownType), ("\r\n", .unknownType), ("?1\r\n", .unknownType),
            ("+OK\n", .missingLineEnd), ("\n", .missingLineEnd), ("$3\r\nabcde\r\n", .missingLineEnd),
            ("$3\r\nabc\n\r", .missingLineEnd),
            (":\r\n", .invalidNumber), (":1a\r\n", .invalidNumber), (":--1\r\n", .invalidNumber),
            (": 1\r\n", .invalidNumber),
            (":9223372036854775808\r\n", .invalidNumber), (":-9223372036854775809\r\n", .invalidNumber),
            (",\r\n", .invalidNumber), (",0x1p3\r\n", .invalidNumber), (",1.5.5\r\n", .invalidNumber),
            (",e5\r\n", .invalidNumber),
            (", 1\r\n", .invalidNumber), (",infinity\r\n", .invalidNumber), ("(12x\r\n", .invalidNumber),
            ("(\r\n", .invalidNumber),
            ("#x\r\n", .invalidText), ("#\r\n", .invalidText), ("#tt\r\n", .invalidText), ("_x\r\n", .invalidText),
            ("=3\r\ntxt\r\n", .invalidText), ("=5\r\ntxtab\r\n", .invalidText), (".x\r\n", .invalidText),
            ("$-2\r\n", .invalidLength), ("$\r\n", .invalidLength), ("$1x\r\n", .invalidLength),
            ("*-2\r\n", .invalidLength),
            ("*\r\n", .invalidLength), ("!-1\r\n", .invalidLength), ("%-1\r\n", .invalidLength),
            ("|?\r\n", .invalidLength),
            ("$9223372036854775807\r\n", .invalidLength), ("*999999999999999999\r\n", .tooManyElements),
            (".\r\n", .misplaced), ("*1\r\n.\r\n", .misplaced), (";1\r\na\r\n", .misplaced),
            ("$?\r\n:1\r\n", .misplaced),
            ("$?\r\n*1\r\n", .misplaced), ("$?\r\n.\r\n", .misplaced), ("%?\r\n+a\r\n.\r\n", .misplaced),
        ] as [(String, RESPError.Code)]
    )
    func refused(text: String, code: RESPError.Code) {
        let result = parse(text)
        #expect(result.error?.code == code)
        #expect(result.error?.description.isEmpty == false)
    }

    @Test(
        "More than is taken is refused when it is announced",
        arguments: [
            ("$11\r\n", .stringTooLong), ("=11\r\n", .stringTooLong), ("!11\r\n", .stringTooLong),
            ("$?\r\n;11\r\n", .stringTooLong),
            ("*9\r\n", .tooManyElements), ("%5\r\n", .tooManyElements), ("*4\r\n*5\r\n", nil),
            ("*2\r\n*8\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", .tooManyElements),
            ("*?\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", .tooManyElements),
            ("*1\r\n*1\r\n*1\r\n*1\r\n", .tooDeep), ("*1\r\n*1\r\n*1\r\n*0\r\n", nil),
            ("|1\r\n|1\r\n|1\r\n|1\r\n", .tooDeep),
            ("+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", .lineTooLong), ("+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", .lineTooLong),
            ("*8\r\n$10\r\n0123456789\r\n$10\r\n0123456789\r\n$10\r\n", .valueTooLarge),
            ("$?\r\n;10\r\n0123456789\r\n;10\r\n0123456789\r\n;10\r\n", .valueTooLarge),
        ] as [(String, RESPError.Code?)]
    )
    func limits(text: String, code: RESPError.Code?) {
        var limits = RESPLimits()
        limits.maximumStringBytes = 10
        limits.maximumElements = 8
        limits.maximumDepth = 3
        limits.maximumLineBytes = 20
        limits.maximumValueBytes = 50
        #expect(parse(text, limits: limits).error?.code == code)
    }

    @Test("A limit is that of one value, not of a connection")
    func limitsStartAnew() {
        var limits = RESPLimits()
        limits.maximumElements = 2
        limits.maximumValueBytes = 20
        let text = String(repeating: "*2\r\n:1\r\n:2\r\n", count: 100)
        let result = parse(text, limits: limits)
        #expect(result.values.count == 100)
        #expect(result.error == nil)
    }

    @Test("After an error nothing is read any more, and the error stays")
    func errorStays() throws {
        var parser = RESPParser()
        parser.receive(ByteBuffer(string: "?\r\n+OK\r\n"))
        let first = #expect(throws: RESPError.self) { try parser.next() }
        parser.receive(ByteBuffer(string: "+OK\r\n"))
        let second = #expect(throws: RESPError.self) { try parser.next() }
        #expect(first == second)
        #expect(parser.bufferedBytes == 0)
    }

    @Test("What is announced takes no memory before it is there")
    func noReservation() throws {
        var parser = RESPParser()
        parser.receive(ByteBuffer(string: String(repeating: "*1000000\r\n", count: 1)))
        #expect(try parser.next() == nil)
        parser.receive(ByteBuffer(string: "$60000000\r\nabc"))
        #expect(try parser.next() == nil)
        #expect(parser.bufferedBytes < 100)
    }

    @Test("Nesting without end is an error, not the end of the stack")
    func hostileNesting() {
        let result = parse(String(repeating: "*1\r\n", count: 1_000_000))
        #expect(result.error?.code == .tooDeep)
        let streamed = parse(String(repeating: "*?\r\n", count: 1_000_000))
        #expect(streamed.error?.code == .tooDeep)
    }

    @Test("A long string in small pieces costs no more than its bytes")
    func manyPieces() {
        let count = 50_000
        let text = "$\(count)\r\n\(String(repeating: "x", count: count))\r\n"
        let pieces = Array(text.utf8).map { [$0] }
        #expect(parse(pieces).values.first?.bytes?.readableBytes == count)
        let line = "+\(String(repeating: "y", count: 60_000))\r\n"
        #expect(parse(Array(line.utf8).map { [$0] }).values.count == 1)
    }
}
