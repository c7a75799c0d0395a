import NIOCore
import ParleyBackends
import ParleyModel
import Testing
import WebSocketProtocol

@Suite struct ResumableSocketTests {
    private typealias Action = ResumableSocket.Action

    private static func client(_ opcode: WebSocketOpcode, _ text: String, fin: Bool = true) -> ByteBuffer {
        var buffer = ByteBuffer()
        WebSocketFrame.write(opcode, bytes: text.utf8, fin: fin, mask: 0x5566_7788, into: &buffer)
        return buffer
    }

    private static func server(_ opcode: WebSocketOpcode, _ text: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        WebSocketFrame.write(opcode, bytes: text.utf8, into: &buffer)
        return buffer
    }

    private static func close(_ code: UInt16, mask: UInt32? = nil) -> ByteBuffer {
        var buffer = ByteBuffer()
        WebSocketFrame.writeClose(code: .init(rawValue: code), reason: "", mask: mask, into: &buffer)
        return buffer
    }

    private static func joined(_ buffers: ByteBuffer...) -> ByteBuffer {
        buffers.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
    }

    /// How a socket asks a backend what it has read.
    private static func probe(_ number: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        WebSocketFrame.write(.ping, bytes: "parley resume \(number)".utf8, mask: 0, into: &buffer)
        return buffer
    }

    private static func answer(_ number: Int) -> ByteBuffer { Self.server(.pong, "parley resume \(number)") }

    private static func asks(_ number: Int) -> Action { .toBackend(Self.probe(number), isWhole: false) }

    /// One whose backend has answered the first question, and is asked no second while `isAsking`.
    private static func socket(_ maximumBytes: Int = 64, isAsking: Bool = true) -> ResumableSocket {
        var socket = ResumableSocket(ResumePolicy(maximumBytes: maximumBytes))
        #expect(socket.begin() == [Self.asks(1)])
        if !isAsking { #expect(socket.backendSent(Self.answer(1)) == []) }
        return socket
    }

    /// One whose backend is gone.
    private static func alone(_ maximumBytes: Int = 64) -> ResumableSocket {
        var socket = Self.socket(maximumBytes)
        _ = socket.backendClosed(isReset: false)
        return socket
    }

    private let a = Self.client(.text, "a")
    private let b = Self.client(.text, "b")

    @Test("While both are there, messages pass at once")
    func passes() {
        var socket = Self.socket()
        #expect(socket.clientSent(self.a) == [.toBackend(self.a, isWhole: true)])
        let answer = Self.server(.text, "answer")
        #expect(socket.backendSent(answer) == [.toClient(answer)])
        let ping = Self.client(.ping, "p")
        #expect(socket.clientSent(ping) == [.toBackend(ping, isWhole: false)])
    }

    @Test("What is said while the backend is away goes to the next, in order")
    func replays() {
        var socket = Self.socket()
        #expect(socket.backendClosed(isReset: false) == [.findBackend])
        #expect(socket.isAlone)
        #expect(socket.clientSent(self.a) == [])
        #expect(socket.clientSent(self.b) == [])
        #expect(socket.backendJoined() == [.toBackend(Self.joined(self.a, self.b), isWhole: true), Self.asks(2)])
        #expect(!socket.isAlone)
        #expect(socket.clientSent(self.a) == [.toBackend(self.a, isWhole: true)])
    }

    @Test("What the last backend's connection did not take goes first")
    func unwritten() {
        var socket = Self.socket()
        _ = socket.clientSent(self.a)
        _ = socket.clientSent(self.b)
        socket.wrote(self.a.readableBytes)
        _ = socket.backendClosed(isReset: false)
        _ = socket.clientSent(self.a)
        #expect(socket.backendJoined().first == .toBackend(Self.joined(self.b, self.a), isWhole: true))
        // Lost again.
        _ = socket.backendClosed(isReset: false)
        #expect(socket.backendJoined().first == .toBackend(Self.joined(self.b, self.a), isWhole: true))
        socket.wrote(self.a.readableBytes * 2)
        _ = socket.backendClosed(isReset: false)
        #expect(socket.backendJoined() == [])
    }

    @Test("A backend is asked how far it has read, one question at a time")
    func probes() {
        var socket = Self.socket()
        #expect(socket.clientSent(self.a) == [.toBackend(self.a, isWhole: true)])
        socket.wrote(self.a.readableBytes)
        #expect(socket.backendSent(Self.answer(1)) == [Self.asks(2)])
        #expect(socket.clientSent(self.b) == [.toBackend(self.b, isWhole: true)])
        #expect(socket.backendSent(Self.answer(2)) == [Self.asks(3)])
        #expect(socket.backendSent(Self.answer(3)) == [])
        #expect(socket.clientSent(self.a) == [.toBackend(self.a, isWhole: true), Self.asks(4)])
        // Those of the client are its own.
        let pong = Self.server(.pong, "client's")
        #expect(socket.backendSent(pong) == [.toClient(pong)])
    }

    @Test("Of a connection that was reset, what no answered ping proves to be read is given to the next")
    func reset() {
        var socket = Self.socket(isAsking: false)
        _ = socket.clientSent(self.a)
        #expect(socket.backendSent(Self.answer(2)) == [])
        _ = socket.clientSent(self.b)
        _ = socket.clientSent(self.a)
        socket.wrote(3 * self.a.readableBytes)
        var ended = socket
        #expect(socket.backendClosed(isReset: true) == [.findBackend])
        let left = Self.joined(self.b, self.a)
        #expect(socket.backendJoined() == [.toBackend(left, isWhole: true), Self.asks(4)])
        // One that has read everything before it ended has had its chance.
        #expect(ended.backendClosed(isReset: false) == [.findBackend])
        #expect(ended.backendJoined() == [])
    }

    @Test("Backends that answer no pings are given nothing twice")
    func unanswered() {
        var socket = Self.socket()
        _ = socket.clientSent(self.a)
        socket.wrote(self.a.readableBytes)
        _ = socket.backendClosed(isReset: true)
        #expect(socket.backendJoined() == [])
    }

    @Test("Where something that may be unread is not kept, a reset ends the socket instead of leaving it out")
    func gap() {
        var socket = Self.socket(16, isAsking: false)
        for _ in 0..<100 {
            _ = socket.clientSent(self.a)
            socket.wrote(self.a.readableBytes)
        }
        #expect(socket.heldBytes <= 16)
        var ended = socket
        #expect(socket.backendClosed(isReset: true) == [.end(.tooMuchToResume)])
        // It has read everything.
        #expect(ended.backendClosed(isReset: false) == [.findBackend])
    }

    @Test("A gap is closed by the answer to a ping behind it")
    func gapClosed() {
        let long = Self.client(.text, String(repeating: "x", count: 100))
        var socket = Self.socket(isAsking: false)
        #expect(socket.clientSent(long) == [.toBackend(long, isWhole: false), Self.asks(2)])
        var reset = socket
        #expect(reset.backendClosed(isReset: true) == [.end(.tooMuchToResume)])
        // One more behind the ping that is on its way.
        _ = socket.clientSent(long)
        #expect(socket.backendSent(Self.answer(2)) == [Self.asks(3)])
        reset = socket
        #expect(reset.backendClosed(isReset: true) == [.end(.tooMuchToResume)])
        #expect(socket.backendSent(Self.answer(3)) == [])
        #expect(socket.backendClosed(isReset: true) == [.findBackend])
    }

    @Test("A message that ends every backend that is given it ends the socket")
    func poison() {
        var socket = Self.socket(isAsking: false)
        _ = socket.clientSent(self.a)
        for _ in 0..<5 {
            #expect(socket.backendClosed(isReset: true) == [.findBackend])
            #expect(socket.backendJoined().first == .toBackend(self.a, isWhole: true))
        }
        #expect(socket.backendClosed(isReset: true) == [.end(.serviceRestart)])
    }

    @Test("Restarts that nothing was lost in end no socket, however many")
    func manyRestarts() {
        var socket = Self.socket(isAsking: false)
        for _ in 0..<20 {
            socket.backendLeaves()
            _ = socket.clientSent(self.a)
            #expect(socket.backendClosed(isReset: false) == [.findBackend])
            #expect(socket.backendJoined().first == .toBackend(self.a, isWhole: true))
            socket.wrote(self.a.readableBytes)
        }
    }

    @Test("A backend that was asked to end may still speak, and is given no more messages")
    func leaving() {
        var socket = Self.socket()
        socket.backendLeaves()
        #expect(socket.clientSent(self.a) == [])
        let (word, pong) = (Self.server(.text, "saved"), Self.client(.pong, ""))
        #expect(socket.backendSent(word) == [.toClient(word)])
        #expect(socket.clientSent(pong) == [.toBackend(pong, isWhole: false)])
        #expect(socket.backendClosed(isReset: false) == [.findBackend])
        #expect(socket.backendJoined().first == .toBackend(self.a, isWhole: true))
    }

    @Test("A message that has come in part is given to the next as a whole")
    func half() {
        var socket = Self.socket()
        #expect(socket.clientSent(Self.client(.text, "a", fin: false)) == [])
        _ = socket.backendClosed(isReset: false)
        #expect(socket.clientSent(Self.client(.continuation, "b")) == [])
        let whole = Self.joined(Self.client(.text, "a", fin: false), Self.client(.continuation, "b"))
        #expect(socket.backendJoined().first == .toBackend(whole, isWhole: true))
    }

    @Test("An answer that was cut off is forgotten: the client sees whole messages")
    func halfAnswer() {
        var socket = Self.socket()
        var answer = Self.server(.text, "answer")
        #expect(socket.backendSent(answer.readSlice(length: 4) ?? ByteBuffer()) == [])
        _ = socket.backendClosed(isReset: false)
        _ = socket.backendJoined()
        let other = Self.server(.text, "other")
        #expect(socket.backendSent(other) == [.toClient(other)])
    }

    @Test("More than may be kept ends the socket, and says so")
    func overflow() {
        var socket = Self.alone(15)
        #expect(socket.clientSent(self.a) == [])
        #expect(socket.clientSent(self.b) == [])
        #expect(socket.keptBytes == 14)
        #expect(socket.clientSent(self.b) == [.end(.tooMuchToResume)])
        #expect(socket.isOver && socket.keptBytes == 0)
        #expect(socket.clientSent(self.a) == [])
        #expect(socket.backendJoined() == [])
    }

    @Test("A long message passes in parts, and is too much for a backend that goes in its midst")
    func long() {
        let long = Self.client(.text, String(repeating: "x", count: 100))
        var (whole, rest) = (Self.socket(), long)
        #expect(whole.clientSent(long) == [.toBackend(long, isWhole: false)])
        #expect(whole.backendClosed(isReset: false) == [.findBackend])

        var socket = Self.socket()
        let half = rest.readSlice(length: 50) ?? ByteBuffer()
        #expect(socket.clientSent(half) == [.toBackend(half, isWhole: false)])
        socket.backendLeaves()
        var finishing = socket
        #expect(finishing.clientSent(rest) == [.toBackend(rest, isWhole: false)])
        #expect(finishing.clientSent(self.a) == [])
        #expect(finishing.backendClosed(isReset: false) == [.findBackend])
        #expect(socket.backendClosed(isReset: false) == [.end(.tooMuchToResume)])

        var alone = Self.alone()
        #expect(alone.clientSent(long) == [.end(.tooMuchToResume)])
    }

    @Test("A long answer that is cut off cannot be finished by anybody, nor can anything be said within it")
    func longAnswer() {
        var long = Self.server(.text, String(repeating: "x", count: 100))
        var socket = Self.socket()
        _ = socket.backendSent(long.readSlice(length: 80) ?? ByteBuffer())
        #expect(socket.backendClosed(isReset: false) == [.end(nil)])
    }

    @Test("Whoever has said goodbye is not held")
    func goodbye() {
        var byClient = Self.socket()
        let goodbye = Self.close(1000, mask: 1)
        #expect(byClient.clientSent(goodbye) == [.toBackend(goodbye, isWhole: false)])
        byClient.backendLeaves()
        #expect(byClient.backendClosed(isReset: false) == [.end(nil)])

        var byBackend = Self.socket()
        #expect(byBackend.backendSent(Self.close(4001)) == [.toClient(Self.close(4001))])
        #expect(byBackend.backendClosed(isReset: false) == [.end(nil)])
    }

    @Test(
        "A backend that says that it goes away, or restarts, is taken at its word",
        arguments: [1001, 1012] as [UInt16]
    )
    func goesAway(code: UInt16) {
        var socket = Self.socket()
        #expect(
            socket.backendSent(Self.close(code)) == [
                .toBackend(Self.close(code, mask: 0), isWhole: false), .closeBackend,
            ]
        )
        #expect(socket.hasFarewell)
        #expect(socket.clientSent(self.a) == [])
        #expect(socket.backendClosed(isReset: false) == [.findBackend])
        var left = socket
        #expect(socket.backendJoined().first == .toBackend(self.a, isWhole: true))
        // It closed that one socket alone: the client hears what it has said.
        #expect(left.gaveUp(nil) == [.toClient(Self.close(code)), .end(nil)])
    }

    @Test("A goodbye of the client comes after what it has said, or is answered where nothing was")
    func clientLeaves() {
        let goodbye = Self.close(1000, mask: 7)
        var silent = Self.alone()
        #expect(silent.clientSent(goodbye) == [.toClient(Self.close(1000)), .end(nil)])

        var socket = Self.alone()
        _ = socket.clientSent(self.a)
        #expect(socket.clientSent(goodbye) == [])
        #expect(socket.backendJoined().first == .toBackend(Self.joined(self.a, goodbye), isWhole: true))
        #expect(socket.backendSent(Self.close(1000)) == [.toClient(Self.close(1000))])
        #expect(socket.backendClosed(isReset: false) == [.end(nil)])
    }

    @Test("A goodbye to a backend at its end is answered by whoever is there to answer")
    func goodbyeWhileLeaving() {
        let goodbye = Self.close(1000, mask: 7)
        // The backend is.
        var leaving = Self.socket()
        leaving.backendLeaves()
        #expect(leaving.clientSent(goodbye) == [.toBackend(goodbye, isWhole: false)])
        #expect(leaving.backendClosed(isReset: false) == [.end(nil)])
        // It has said goodbye itself, and waits for the answer, whatever is kept for another.
        var answering = Self.socket()
        answering.backendLeaves()
        _ = answering.clientSent(self.a)
        #expect(answering.backendSent(Self.close(4001)) == [.toClient(Self.close(4001))])
        #expect(answering.clientSent(goodbye) == [.toBackend(goodbye, isWhole: false)])
        // It was answered already.
        var gone = Self.socket()
        _ = gone.backendSent(Self.close(1001))
        #expect(gone.clientSent(goodbye) == [.toClient(Self.close(1000)), .end(nil)])
    }

    @Test("The last words of a client that has said goodbye are kept when it goes; those of others are not")
    func lastWords() {
        var socket = Self.alone()
        _ = socket.clientSent(self.a)
        var cutOff = socket
        let goodbye = Self.close(1001, mask: 7)
        _ = socket.clientSent(goodbye)
        #expect(socket.clientClosed() == true)
        #expect(socket.backendJoined() == [.toBackend(Self.joined(self.a, goodbye), isWhole: true)])
        #expect(cutOff.clientClosed() == false)
        #expect(cutOff.isOver && cutOff.heldBytes == 0)
        #expect(cutOff.backendClosed(isReset: false) == [])
    }

    @Test("A socket is ended where there is no room for it, or its user has lost access, whatever it is at")
    func ended() {
        for phase in [Self.socket(), Self.alone()] {
            var socket = phase
            #expect(socket.exhausted() == [.end(.tooMuchToResume)])
            #expect(socket.exhausted() == [])
            socket = phase
            #expect(socket.revoked() == [.end(nil)])
            #expect(socket.clientSent(self.a) == [])
        }
    }

    @Test("Pings are answered while there is no backend")
    func pings() {
        var socket = Self.alone()
        #expect(socket.clientSent(Self.client(.ping, "beat")) == [.toClient(Self.server(.pong, "beat"))])
        #expect(socket.clientSent(Self.client(.pong, "beat")) == [])
        #expect(socket.backendJoined() == [])
    }

    @Test("When nobody comes, the client is told why")
    func nobody() {
        var socket = Self.alone()
        #expect(socket.gaveUp(.serviceRestart) == [.end(.serviceRestart)])
        #expect(socket.gaveUp(.serviceRestart) == [])
    }

    @Test("What is no WebSocket passes, and is not held")
    func other() {
        let bytes = ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n")
        var socket = Self.socket()
        #expect(socket.clientSent(bytes) == [.toBackend(bytes, isWhole: false)])
        #expect(socket.backendClosed(isReset: false) == [.end(nil)])
        var alone = Self.alone()
        #expect(alone.clientSent(bytes) == [.end(nil)])
    }
}
