import Testing

@testable import ParleyHub

@Suite struct DirectWriterTests {
    private let writer = RecordingWriter()
    private let node: TestHub
    private let clients: [ScriptedConnection]

    init() {
        let writer = self.writer
        self.node = TestHub { $0.directWriter = writer }
        let node = self.node
        self.clients = (0..<3).map { index in
            let client = node.connect()
            client.join("r", as: "c\(index)")
            return client
        }
        node.settle()
        for client in self.clients { _ = client.newLines() }
        self.clients[1].connection.directHandle = 7
    }

    @Test("A connection with a handle is written to without its delegate, the others through theirs")
    func direct() {
        self.clients[0].say("hi", in: "r")
        self.node.settle()
        #expect(self.writer.written(to: 7) == "c0:hi\n")
        #expect(self.clients.map { $0.newLines() } == [["c0:hi"], [], ["c0:hi"]])
        #expect(self.writer.callCount == 1)
    }

    @Test("Several chunks go in one call, in order")
    func chunks() {
        self.clients[0].say("1", in: "r")
        self.clients[1].reply("2")
        self.clients[0].say("3", in: "r")
        self.node.settle()
        #expect(self.writer.written(to: 7) == "c0:1\n2\nc0:3\n")
        #expect(self.writer.callCount == 1)
    }

    @Test("What the transport does not take goes to the delegate, less what is written", arguments: [true, false])
    func short(oneChunk: Bool) {
        self.writer.set(.wrote(5), for: 7)
        self.clients[0].say("1", in: "r")
        if !oneChunk { self.clients[1].reply("2") }
        self.clients[0].say("3", in: "r")
        self.node.settle()
        #expect(self.writer.written(to: 7) == "c0:1\n")
        #expect(self.clients[1].newLines() == (oneChunk ? ["c0:3"] : ["2", "c0:3"]))
        #expect(self.clients[1].writes.last?.messages == (oneChunk ? 2 : 3))
    }

    @Test("A broken transport is told to the delegate, and nobody else suffers")
    func failed() {
        self.writer.set(.failed, for: 7)
        self.clients[0].say("hi", in: "r")
        self.node.settle()
        #expect(self.clients.map(\.failures) == [0, 1, 0])
        #expect(self.clients.map { $0.newLines() } == [["c0:hi"], [], ["c0:hi"]])
    }

    @Test("Nothing is written to the handle of a closed connection: it may be somebody else's by now")
    func closed() {
        self.clients[0].say("hi", in: "r")
        self.clients[1].close()
        self.node.settle()
        #expect(self.writer.written(to: 7) == nil)
    }

    @Test("All bytes sent are counted, directly written or not")
    func metrics() {
        let before = self.node.metrics.sentBytes
        self.clients[0].say("hi", in: "r")
        self.node.settle()
        #expect(self.node.metrics.sentBytes - before == 3 * 6)
    }
}
