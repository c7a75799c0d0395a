import NIOCore
import SocketIO
import Testing

@Suite("A connection of Socket.IO")
struct SocketConnectionTests {
    private static func connection(maximumNamespaces: Int = 100) -> SocketConnection {
        SocketConnection(parser: .json, connectDeadline: .uptimeNanoseconds(1), maximumNamespaces: maximumNamespaces)
    }

    private static func receive(_ text: String, _ connection: inout SocketConnection) -> String {
        switch connection.receive(ByteBuffer(string: text), isBinary: false) {
        case .none: return "none"
        case .connect(let namespace, _, let attempt, let replaces):
            return "connect \(namespace) \(attempt)\(replaces.map { " replaces \($0)" } ?? "")"
        case .disconnect(let namespace): return "disconnect \(namespace)"
        case .event(let namespace, let name, _, _): return "event \(namespace) \(name)"
        case .ack(let namespace, _, let id): return "ack \(namespace) \(id)"
        case .close(let failure): return "close \(failure.code)"
        }
    }

    private static func joined(_ namespaces: String...) -> SocketConnection {
        var connection = Self.connection()
        for (index, namespace) in namespaces.enumerated() {
            #expect(Self.receive("0\(namespace),", &connection) == "connect \(namespace) \(index + 1)")
            #expect(connection.accept(namespace, attempt: index + 1) == true)
        }
        return connection
    }

    @Test("Data before CONNECT closes", arguments: [#"2["x"]"#, "1", "31[]", #"51-["x"]"#])
    func dataFirst(_ text: String) {
        var connection = Self.connection()
        #expect(Self.receive(text, &connection) == "close notConnected")
    }

    @Test("A packet for a namespace that is not joined yet closes")
    func stillConnecting() {
        var connection = Self.connection()
        _ = Self.receive("0", &connection)
        #expect(Self.receive(#"2["x"]"#, &connection) == "close notConnected")
    }

    @Test("Namespaces are told apart by their bytes")
    func bytes() {
        var connection = Self.joined("/caf\u{E9}")
        #expect(Self.receive("2/cafe\u{301},[\"x\"]", &connection) == "close notConnected")
        connection = Self.joined("/caf\u{E9}", "/cafe\u{301}")
        connection.leave("/cafe\u{301}")
        #expect(connection.isConnected(to: "/caf\u{E9}"))
        #expect(!connection.isConnected(to: "/cafe\u{301}"))
    }

    @Test(
        "An event whose name is half of a surrogate pair closes",
        arguments: [#"2["\ud800"]"#, #"51-["a\udc00",{"_placeholder":true,"num":0}]"#]
    )
    func loneSurrogate(_ text: String) {
        var connection = Self.joined("/")
        #expect(Self.receive(text, &connection) == "close payload")
    }

    @Test("A second CONNECT closes")
    func secondConnect() {
        var connection = Self.joined("/")
        #expect(Self.receive("0", &connection) == "close alreadyConnected")
    }

    @Test("A CONNECT while another one is being decided takes its place")
    func retriedConnect() {
        var connection = Self.connection()
        #expect(Self.receive("0", &connection) == "connect / 1")
        #expect(Self.receive("0", &connection) == "connect / 2 replaces 1")
        #expect(connection.accept("/", attempt: 1) == false)
        #expect(connection.accept("/", attempt: 2) == true)
    }

    @Test("Events reach the namespace that they name")
    func events() {
        var connection = Self.joined("/", "/a")
        #expect(Self.receive(#"2["x"]"#, &connection) == "event / x")
        #expect(Self.receive(#"2/a,["y"]"#, &connection) == "event /a y")
        #expect(Self.receive("3/a,4[]", &connection) == "ack /a 4")
        #expect(Self.receive(#"2/b,["y"]"#, &connection) == "close notConnected")
    }

    @Test("A namespace that was left may be joined again, and takes no packets in between")
    func rejoin() {
        var connection = Self.joined("/", "/a")
        #expect(Self.receive("1/a", &connection) == "disconnect /a")
        #expect(Self.receive("0/a", &connection) == "connect /a 3")
        #expect(connection.accept("/a", attempt: 3) == true)
        connection.leave("/a")
        #expect(Self.receive(#"2/a,["y"]"#, &connection) == "close notConnected")
    }

    @Test("A refused client may ask again")
    func refused() {
        var connection = Self.connection()
        _ = Self.receive("0", &connection)
        #expect(connection.refuse("/", attempt: 1) == true)
        #expect(connection.connectDeadline != nil)
        #expect(Self.receive("0", &connection) == "connect / 2")
    }

    @Test("The time to join ends with the first namespace, for good")
    func connectDeadline() {
        var connection = Self.connection()
        #expect(connection.connectDeadline != nil)
        _ = Self.receive("0", &connection)
        _ = connection.accept("/", attempt: 1)
        #expect(connection.connectDeadline == nil)
        _ = Self.receive("1", &connection)
        #expect(connection.connectDeadline == nil)
    }

    @Test("Namespaces of one connection are bounded")
    func tooManyNamespaces() {
        var connection = Self.connection(maximumNamespaces: 1)
        #expect(Self.receive("0/a", &connection) == "connect /a 1")
        #expect(Self.receive("0/b", &connection) == "close tooManyNamespaces")
    }
}
