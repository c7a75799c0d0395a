import Testing

@testable import parley

@Suite struct DotEnvFileTests {
    static let readableFiles: [(String, [String: String])] = [
        ("", [:]), ("# nothing\n\n  \t\n", [:]), ("A=1", ["A": "1"]), ("A=1\nB=2\n", ["A": "1", "B": "2"]),
        // Line ends, and what editors put before the first line.
        ("A=1\r\nB=2\r\n", ["A": "1", "B": "2"]), ("A=1\rB=2\r", ["A": "1", "B": "2"]),
        ("\u{FEFF}A=1\r\nB=2", ["A": "1", "B": "2"]), ("\u{FEFF}# c\nA=1", ["A": "1"]),
        // Names.
        ("export A=1", ["A": "1"]), ("export\tA=1", ["A": "1"]), ("  A = 1  ", ["A": "1"]),
        ("export=1", ["export": "1"]),
        ("export =1", ["export": "1"]), ("A: 1", ["A": "1"]), ("A.b-c=1", ["A.b-c": "1"]), ("_A1=x", ["_A1": "x"]),
        ("A", [:]), ("export A", [:]), ("A # c", [:]), ("A=1\nA=2", ["A": "2"]),
        // Values without quotes.
        ("A=", ["A": ""]), ("A= ", ["A": ""]), ("A= # c", ["A": ""]), ("A=b c", ["A": "b c"]),
        ("A=b=c==", ["A": "b=c=="]),
        ("A=1 # c", ["A": "1"]), ("A=1\t#c", ["A": "1"]), ("A=a#b", ["A": "a#b"]), ("A=#b", ["A": "#b"]),
        ("A=it's", ["A": "it's"]), ("A=C:\\new", ["A": "C:\\new"]),
        ("A=https://a.b:1/c?d=e#f", ["A": "https://a.b:1/c?d=e#f"]),
        ("A=ä\u{A0}", ["A": "ä"]), ("A=x\\", ["A": "x\\"]),
        // Quotes.
        ("A='b'", ["A": "b"]), ("A=\"b\"", ["A": "b"]), ("A=`b`", ["A": "b"]), ("A='' ", ["A": ""]),
        ("A='b' # c", ["A": "b"]), ("A=\"b # c\"", ["A": "b # c"]), ("A=' b '", ["A": " b "]),
        ("A='a\"b'", ["A": "a\"b"]), ("A=\"a'b\"", ["A": "a'b"]), ("A=`a'\"b`", ["A": "a'\"b"]),
        ("A='it\\'s'", ["A": "it's"]), ("A='a\\nb'", ["A": "a\\nb"]), ("A=\"a\\nb\"", ["A": "a\nb"]),
        ("A=\"a\\tb\\\\\\\"\\$\\x\"", ["A": "a\tb\\\"$\\x"]), ("A=\"a\r\nb\"\r\nC=1", ["A": "a\nb", "C": "1"]),
        ("A='a\n# b\n'\nC=1", ["A": "a\n# b\n", "C": "1"]),
        // Other values in values.
        ("A=1\nB=${A}2", ["A": "1", "B": "12"]), ("A=1\nB=\"$A-2\"", ["A": "1", "B": "1-2"]),
        ("A=1\nB='$A'", ["A": "1", "B": "$A"]),
        ("A=1\nB=`${A}`", ["A": "1", "B": "${A}"]), ("A=1\nB=\\$A", ["A": "1", "B": "$A"]),
        ("A=pa$$w0rd", ["A": "pa$$w0rd"]),
        ("A=a$nope", ["A": "a$nope"]), ("A=5$", ["A": "5$"]), ("A=${HOME}/x", ["A": "/srv/alice/x"]),
        ("HOME=/other\nA=$HOME", ["HOME": "/other", "A": "/srv/alice"]),
        ("A=${B:-c}", ["A": "c"]), ("A=${B-c}", ["A": "c"]), ("B=\nA=${B:-c}${B-d}", ["B": "", "A": "c"]),
        ("A=${B:-}", ["A": ""]),
        ("A=${HOME:+c}${B:+d}${B+e}", ["A": "c"]), ("A=${B:-${C:-d}}", ["A": "d"]),
        ("A=${HOME:?no}", ["A": "/srv/alice"]),
        ("A=${B:-x y} # c", ["A": "x y"]),
    ]

    @Test("A file is read as dotenv and docker compose read it", arguments: readableFiles)
    func readable(text: String, values: [String: String]) {
        let file = DotEnvFile(text.utf8, environment: ["HOME": "/srv/alice"])
        #expect(file.values == values, "\(text.debugDescription)")
        #expect(file.mistakes.isEmpty)
    }

    static let brokenFiles: [(String, [Int])] = [
        ("just text", [1]), ("A=1\n=2\nB=3", [2]), ("1A=x", [1]), ("A-=1\nB C=2", [2]), ("A=\"b", [1]),
        ("A=1\nB='c\nD=2\n", [2]),
        ("A=\"b\"c\nB=1", [1]), ("A='b''c'", [1]), ("A=\"b\"#c", [1]), ("A=${B}", [1]), ("A=1\r\n\r\nB=${C", [3]),
        ("A=${}", [1]), ("A=${B:?set it}", [1]), ("A=${B:c}", [1]), ("A=\"\n${B}\n\"\nC=1", [2]), ("A:1", [1]),
        ("x y\nA=1\nz w", [1, 3]), ("export A B", [1]),
    ]

    @Test("What is none of it is refused with its line, and the other lines are read", arguments: brokenFiles)
    func mistakes(text: String, lines: [Int]) {
        let file = DotEnvFile(text.utf8)
        #expect(file.mistakes.map(\.line) == lines, "\(text.debugDescription): \(file.mistakes)")
        for name in ["B", "C", "D"] where text.hasSuffix("\(name)=1") { #expect(file.values[name] == "1") }
    }

    @Test(
        "What is not UTF-8 is refused",
        arguments: [
            ([0xFF, 0xFE, 0x41, 0x00, 0x3D, 0x00], 1), ([0xFE, 0xFF, 0x00, 0x41], 1), ([0x41, 0x00, 0x3D, 0x00], 1),
            ([0x41, 0x3D, 0x31, 0x0A, 0x42, 0x3D, 0xE4, 0x0A], 2),
            ([0x41, 0x3D, 0x31, 0x0A, 0x42, 0x3D, 0x00, 0x0A], 2),
        ] as [([UInt8], Int)]
    )
    func encodings(bytes: [UInt8], line: Int) {
        let file = DotEnvFile(bytes)
        #expect(file.values.isEmpty)
        #expect(file.mistakes.map(\.line) == [line])
    }

    @Test("A file that was made to be deep is refused, not followed")
    func depth() {
        let file = DotEnvFile(("A=" + String(repeating: "${B:-", count: 100_000)).utf8)
        #expect(file.mistakes.count == 1)
    }
}
