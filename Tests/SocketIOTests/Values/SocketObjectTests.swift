import Testing

@testable import SocketIO

@Suite struct SocketObjectTests {
    @Test("Members keep the order in which they were added; a new value does not move its key")
    func order() {
        var object: SocketObject = ["z": 1, "a": 2]
        object["m"] = 3
        object["z"] = 4
        #expect(object.map(\.key) == ["z", "a", "m"])
        #expect(object.map(\.value) == [4, 2, 3])
        #expect(object.count == 3)
    }

    @Test("Setting nil removes a member, setting null does not")
    func removing() {
        var object: SocketObject = ["a": 1, "b": 2]
        object["a"] = nil
        object["b"] = .some(.null)
        object["c"] = nil
        #expect(object.map { $0.key } == ["b"])
        #expect(object["b"]?.isNull == true)
        object["b"] = Optional<SocketValue>.none
        #expect(object.isEmpty)
    }

    @Test("Of a repeated key the last value counts, is replaced, and all are removed")
    func repeated() {
        var object = SocketObject([
            (key: "a", value: SocketValue.int(1)), (key: "b", value: .int(2)), (key: "a", value: .int(3)),
        ])
        #expect(object["a"] == 3)
        #expect(object == ["a": 3, "b": 2])
        #expect(object != ["a": 1, "b": 2])
        object["a"] = 4
        #expect(object.map { $0.value } == [1, 2, 4])
        object["a"] = nil
        #expect(object == ["b": 2])
    }

    @Test("Spellings of the same character are different keys")
    func spellings() {
        let object: SocketObject = ["\u{e9}": 1, "e\u{301}": 2]
        #expect(object["\u{e9}"] == 1)
        #expect(object["e\u{301}"] == 2)
        #expect(object == ["e\u{301}": 2, "\u{e9}": 1])
    }
}
