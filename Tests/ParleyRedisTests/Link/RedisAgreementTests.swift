import NIOCore
import RESP
import Testing

@testable import ParleyRedis

/// A link and a server that follows the rules, with a network between them that cuts bytes anywhere and breaks at any time.
@Suite struct RedisAgreementTests {
    /// Answers `ECHO`, and greets.
    private struct EchoServer {
        var parser = RESPParser()
        var executed: [Int] = []

        mutating func answer(_ bytes: ByteBuffer) -> ByteBuffer {
            self.parser.receive(bytes)
            var answers = ByteBuffer()
            while let command = (try? self.parser.next())?.elements {
                switch command.first?.text {
                case "HELLO": answers.writeRESPValue(.hello())
                case "PING": answers.writeRESPValue(.pong)
                case "ECHO":
                    let number = Int(command[1].integer ?? -1)
                    self.executed.append(number)
                    answers.writeRESPValue(number.isMultiple(of: 7) ? .error("ERR \(number)") : .integer(Int64(number)))
                default: answers.writeRESPValue(.error("ERR unknown"))
                }
            }
            return answers
        }
    }

    @Test("Every command has one end, an answer is its own, and nothing is executed twice", arguments: 0..<60)
    func agreement(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var settings = Link.Settings()
        settings.holdTime = .milliseconds(400)
        settings.connection.commandTimeout = .milliseconds(300)
        settings.connection.connectTimeout = .milliseconds(200)
        settings.connection.pingInterval = .milliseconds(100)
        var link = Link(settings, seed: seed)
        var server = EchoServer()
        var executed: [Int] = []
        /// On their way, of the connection that there is.
        var toServer = ByteBuffer()
        var toClient = ByteBuffer()
        var attempt = 0
        var isConnected = false
        var isPaused = false
        var sent = 0
        var answered: [Int: String] = [:]
        var now: Int64 = 0

        func end(_ waiter: Int, _ outcome: String) {
            #expect(answered[waiter] == nil)
            answered[waiter] = outcome
        }
        func drop() {
            executed += server.executed
            server = EchoServer()
            toServer.clear()
            toClient.clear()
            isConnected = false
        }
        func act() {
            while let action = link.next(now: .at(now)) {
                switch action {
                case .connect(let number): attempt = number
                case .disconnect(let number): if number == attempt { drop() }
                case .write(let bytes): toServer.writeImmutableBuffer(bytes)
                case .answer(let value, let waiter, _):
                    #expect(value.integer == Int64(waiter) || value.error?.text == "ERR \(waiter)")
                    end(waiter, "answer")
                case .fail(let error, let waiter): end(waiter, error.mayHaveBeenExecuted ? "perhaps" : "never")
                default: break
                }
            }
        }
        func deliver(all: Bool) {
            guard isConnected, !isPaused else { return }
            let count = all ? toServer.readableBytes : Int.random(in: 0...toServer.readableBytes, using: &random)
            if let bytes = toServer.readSlice(length: count) {
                var answers = server.answer(bytes)
                toClient.writeBuffer(&answers)
            }
            let answers = all ? toClient.readableBytes : Int.random(in: 0...toClient.readableBytes, using: &random)
            if let bytes = toClient.readSlice(length: answers), answers > 0 {
                link.received(bytes, attempt: attempt, now: .at(now))
            }
        }
        for _ in 0..<600 {
            now += Int64.random(in: 0...20, using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0...4:
                sent += 1
                link.send(RedisCommand("ECHO", "\(sent)").bytes, sent, now: .at(now))
            case 5 where !isConnected && attempt > 0:
                isConnected = true
                link.connected(attempt: attempt, now: .at(now))
            case 6 where isConnected && Int.random(in: 0..<6, using: &random) == 0:
                let lost = attempt
                drop()
                link.closed(attempt: lost, nil)
            case 7 where Int.random(in: 0..<6, using: &random) == 0: isPaused.toggle()
            default: deliver(all: false)
            }
            act()
            if let deadline = link.deadline, deadline <= .at(now) { link.tick(now: .at(now)) }
            act()
        }
        link.close()
        act()
        executed += server.executed
        #expect(answered.count == sent)
        #expect(Set(executed).count == executed.count)
        for (number, outcome) in answered {
            // What was answered was executed; what was never sent was not.
            if outcome == "answer" { #expect(executed.contains(number)) }
            if outcome == "never" { #expect(!executed.contains(number)) }
        }
    }
}
