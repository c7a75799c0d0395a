import Testing
import parley

@Suite("Key parser")
struct KeyParserTests {
    @Test(
        "Bytes of a terminal are keys, whole and one by one",
        arguments: [
            ("a€", [.character("a"), .character("€")]),
            ("\r", [.enter]),
            ("\n", [.enter]),
            ("\u{08}\u{7f}", [.backspace, .backspace]),
            ("\u{01}\u{02}\u{05}\u{06}", [.home, .left, .end, .right]),
            ("\u{0b}\u{0c}\u{15}\u{17}", [.killToEnd, .redraw, .killToStart, .killWord]),
            ("\u{03}\u{04}", [.interrupt, .endOfInput]),
            ("\u{1b}[A\u{1b}OB\u{1b}[C\u{1b}[D", [.up, .down, .right, .left]),
            ("\u{1b}[H\u{1b}[F\u{1b}[1~\u{1b}[4~\u{1b}[7~\u{1b}[8~", [.home, .end, .home, .end, .home, .end]),
            ("\u{1b}[3~\u{1b}[3;5~", [.delete, .delete]),
            // Shift-right; an unknown key; alt-x: the first is as without shift, the others are nothing.
            ("\u{1b}[1;2Cx\u{1b}[99~y\u{1b}xz", [.right, .character("x"), .character("y"), .character("z")]),
            ("\u{00}\u{1f}a", [.character("a")]),
        ] as [(String, [LineEditor.Key])]
    )
    func keys(_ text: String, _ keys: [LineEditor.Key]) {
        var whole = KeyParser()
        #expect(whole.parse(text.utf8) == keys)
        var single = KeyParser()
        #expect(text.utf8.flatMap { single.parse(CollectionOfOne($0)) } == keys)
    }

    @Test(
        "Bytes that are no UTF-8 are left out",
        arguments: [[0xff], [0xc3], [0xe2, 0x82], [0x80], [0xed, 0xa0, 0x80]] as [[UInt8]]
    )
    func invalid(_ bytes: [UInt8]) {
        var parser = KeyParser()
        #expect(parser.parse(bytes + [0x61]) == [.character("a")])
    }
}
