import NIOCore
import ParleyModel
import Testing

@testable import ParleyDialects

@Suite struct DisposableChatEncoderTests {
    private let encoder = DisposableChatEncoder()
    private let zoe = Member.named("Zoë", id: "id-1", dialect: .disposableChat)
    private let max = Member.named("M\"x", id: "id-2", dialect: .disposableChat)

    @Test("The joiner is welcomed with everybody present, itself last")
    func welcome() {
        #expect(
            self.encoder.welcome(for: self.max, in: Room(members: [self.zoe, self.max]))
                == #"{"type":"welcome","data":{"room":{"name":"lobby","activeClients":[{"id":"id-1","name":"Zoë"},{"id":"id-2","name":"M\"x"}]}}}"#
        )
        #expect(
            self.encoder.welcome(for: self.zoe, in: Room(members: [self.zoe]))
                == #"{"type":"welcome","data":{"room":{"name":"lobby","activeClients":[{"id":"id-1","name":"Zoë"}]}}}"#
        )
    }

    @Test("Joins and leaves are told as info")
    func info() {
        #expect(
            self.encoder.message(for: .joined(self.zoe))
                == #"{"type":"info","data":{"room":{"name":"lobby"},"client":{"id":"id-1","name":"Zoë"},"action":"registered"}}"#
        )
        #expect(
            self.encoder.message(for: .left(self.max))
                == #"{"type":"info","data":{"room":{"name":"lobby"},"client":{"id":"id-2","name":"M\"x"},"action":"unregistered"}}"#
        )
    }

    @Test("What is said is a chat")
    func chat() {
        #expect(
            self.encoder.message(for: .published(.said(.text("a \"b\"\n"), by: "Zoë", id: "id-1")))
                == #"{"type":"chat","data":{"room":{"name":"lobby"},"client":{"id":"id-1","name":"Zoë"},"text":"a \"b\"\n"}}"#
        )
    }

    @Test("A member that takes the place of another is not told: nobody came and nobody went")
    func replaced() {
        #expect(self.encoder.message(for: .replaced(self.zoe, by: self.max)) == nil)
    }
}
