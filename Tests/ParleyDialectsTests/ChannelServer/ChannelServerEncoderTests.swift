import NIOCore
import ParleyModel
import Testing

@testable import ParleyDialects

@Suite struct ChannelServerEncoderTests {
    @Test("A publication is a message with its sender and its data as sent", arguments: ChannelServerRequestTests.data)
    func message(data: String) {
        #expect(
            ChannelServerEncoder().message(for: .published(.said(.json(data), by: "V1StGXR8_Z5jdHi6B-myT")))
                == Sent(
                    kind: .text,
                    text: "{\"type\":\"message\",\"senderId\":\"V1StGXR8_Z5jdHi6B-myT\",\"data\":\(data)}"
                )
        )
    }

    @Test("The sender is told by its id, not by its name")
    func sender() {
        #expect(
            ChannelServerEncoder().message(for: .published(.said(.json("1"), by: "Zoë", id: "id\"1")))
                == #"{"type":"message","senderId":"id\"1","data":1}"#
        )
    }

    @Test("Members are not told of joins and leaves, nor greeted")
    func silence() {
        let member = Member.named("x")
        #expect(ChannelServerEncoder().message(for: .joined(member)) == nil)
        #expect(ChannelServerEncoder().message(for: .left(member)) == nil)
        #expect(ChannelServerEncoder().message(for: .replaced(member, by: member)) == nil)
        #expect(ChannelServerEncoder().welcome(for: member, in: Room(members: [member])) == nil)
    }
}
