import NIOCore
import ParleyModel
import Testing

@testable import ParleyDialects

@Suite struct ChannelServerDialectTests {
    static let joinSuccess = #"{"type":"joinSuccess"}"#
    static let joinFailure = #"{"type":"joinFailure"}"#
    static let publishSuccess = #"{"type":"publishSuccess"}"#

    @Test("A connection waits for its client to speak")
    func opens() {
        let client = Self.client()
        #expect(client.open() == .none)
        #expect(client.hear(#"{"type":"ping"}"#) == .reply(#"{"type":"pong"}"#))
    }

    @Test("A join, once effective, is answered with joinSuccess; then publishing works")
    func joins() throws {
        let client = Self.client()
        let join = try #require(client.hear(#"{"type":"join","channelId":"lobby"}"#).join)
        #expect(join.topic == TopicName("lobby"))
        #expect(join.memberID.wholeMatch(of: /[A-Za-z0-9_\-]{21}/) != nil)
        #expect(join.memberName == join.memberID)
        #expect(join.uniqueness == .any)
        #expect(join.maximumMembers == nil)
        #expect(client.joinCompleted(.joined) == .reply(Self.joinSuccess))
        #expect(client.hear(#"{"type":"publish","data":1}"#) == .publish(.json("1"), includingSender: true))
        #expect(client.dialect.acknowledgesPublications)
        #expect(client.publishCompleted() == .reply(Self.publishSuccess))
    }

    @Test("Each join, of the same channel or another, gets a sender id of its own")
    func joinsAgain() throws {
        let client = Self.client()
        var senders: Set<String> = []
        for channel in ["x", "x", "y"] {
            let join = try #require(client.hear("{\"type\":\"join\",\"channelId\":\"\(channel)\"}").join)
            #expect(join.topic == TopicName(channel))
            senders.insert(join.memberID)
            #expect(client.joinCompleted(.joined) == .reply(Self.joinSuccess))
        }
        #expect(senders.count == 3)
    }

    @Test("A refused join is told, and leaves the connection without a channel")
    func refused() throws {
        let client = try Self.joined()
        _ = client.hear(#"{"type":"join","channelId":"y"}"#)
        #expect(client.joinCompleted(.refused(.topicLimit)) == .reply(Self.joinFailure))
        #expect(
            client.hear(#"{"type":"publish","data":1}"#).replyText?.hasPrefix(#"{"type":"publishFailure","data":""#)
                == true
        )
        #expect(client.hear(#"{"type":"join","channelId":"y"}"#).join != nil)
        #expect(client.joinCompleted(.joined) == .reply(Self.joinSuccess))
        #expect(client.hear(#"{"type":"publish","data":1}"#) == .publish(.json("1"), includingSender: true))
    }

    static let badJoins = [
        #"{"type":"join"}"#, #"{"type":"join","channelId":5}"#, #"{"type":"join","channelId":""}"#,
        #"{"type":"join","channelId":null}"#,
        #"{"type":"join","channelId":["x"]}"#, #"{"type":"join","channelid":"x"}"#, #"{"type":"join","data":"x"}"#,
        "{\"type\":\"join\",\"channelId\":\"\(String(repeating: "a", count: 1025))\"}",
        "{\"type\":\"join\",\"channelId\":\"\(String(repeating: "é", count: 513))\"}",
    ]

    @Test("A join with an unusable id fails and leaves the present channel alone", arguments: badJoins)
    func badJoin(message: String) throws {
        let unjoined = Self.client()
        #expect(unjoined.hear(message) == .reply(Self.joinFailure))
        #expect(unjoined.hear(#"{"type":"publish","data":1}"#).replyText?.contains("publishFailure") == true)
        let joined = try Self.joined()
        #expect(joined.hear(message) == .reply(Self.joinFailure))
        #expect(joined.hear(#"{"type":"publish","data":1}"#) == .publish(.json("1"), includingSender: true))
    }

    @Test(
        "Any other id joins, up to 1024 bytes",
        arguments: [
            "a", " ", "ünï ✓", String(repeating: "a", count: 1024), String(repeating: "é", count: 512), "a\\/b",
            "\\u0000", "\\\"",
        ]
    )
    func goodJoin(channel: String) throws {
        let client = Self.client()
        let join = try #require(client.hear("{\"channelId\":\"\(channel)\",\"type\":\"join\",\"extra\":{}}").join)
        let names = ["a\\/b": "a/b", "\\u0000": "\u{0}", "\\\"": "\""]
        #expect(join.topic == TopicName(names[channel] ?? channel))
    }

    @Test("Data goes out as it came in, byte for byte", arguments: ChannelServerRequestTests.data)
    func rawData(data: String) throws {
        let client = try Self.joined()
        #expect(client.hear("{\"type\":\"publish\",\"data\":\(data)}") == .publish(.json(data), includingSender: true))
        #expect(
            client.hear("{ \"data\" : \(data) , \"type\" : \"ping\" }")
                == .reply("{\"type\":\"pong\",\"data\":\(data)}")
        )
    }

    @Test("Absent data is published as null, and left out of a pong")
    func absentData() throws {
        let client = try Self.joined()
        #expect(client.hear(#"{"type":"publish"}"#) == .publish(.json("null"), includingSender: true))
        #expect(client.hear(#"{"type":"ping"}"#) == .reply(#"{"type":"pong"}"#))
        #expect(client.hear(#"{"type":"ping","data":null}"#) == .reply(#"{"type":"pong","data":null}"#))
    }

    @Test("Publishing without a channel fails in words, and the connection goes on")
    func publishUnjoined() throws {
        let client = Self.client()
        let reply = try #require(client.hear(#"{"type":"publish","data":1}"#).replyText)
        #expect(reply.wholeMatch(of: /\{"type":"publishFailure","data":"[^"]+"\}/) != nil)
        #expect(client.hear(#"{"type":"ping"}"#) == .reply(#"{"type":"pong"}"#))
    }

    @Test("Without echo the publisher is left out")
    func withoutEcho() throws {
        var configuration = ChannelServerConfiguration()
        configuration.echo = false
        let client = try Self.joined(configuration)
        #expect(client.hear(#"{"type":"publish","data":1}"#) == .publish(.json("1"), includingSender: false))
        #expect(client.publishCompleted() == .reply(Self.publishSuccess))
    }

    @Test(
        "Anything else is answered in the gateway's shape, without a type",
        arguments: ChannelServerRequestTests.unusable
    )
    func unusable(message: String) throws {
        let client = try Self.joined()
        let reply = try #require(client.hear(message).replyText)
        #expect(
            reply.wholeMatch(of: /\{"message":"Bad request","connectionId":"c0nn-\\"1","requestId":"[0-9a-f\-]{36}"\}/)
                != nil
        )
        #expect(client.hear(message).replyText != reply, "Each request has an id of its own")
        #expect(client.hear(#"{"type":"publish","data":1}"#) == .publish(.json("1"), includingSender: true))
    }

    @Test("Binary messages are refused, joined or not")
    func binary() throws {
        let client = Self.client()
        #expect(client.hear(bytes: Array(#"{"type":"ping"}"#.utf8)) == .close(.binaryNotAccepted))
        let joined = try Self.joined()
        #expect(joined.hear(bytes: []) == .close(.binaryNotAccepted))
    }

    @Test("Whoever stays above the rate for two seconds is closed")
    func rate() {
        var configuration = ChannelServerConfiguration()
        configuration.rateLimit = 1
        let client = Self.client(configuration)
        let pong = ReceiveAction.reply(#"{"type":"pong"}"#)
        for _ in 0..<2 {
            #expect(client.hear(#"{"type":"ping"}"#) == pong)
            #expect(client.hear(#"{"type":"ping"}"#) == pong)
            client.pass(.seconds(1))
        }
        #expect(client.hear(#"{"type":"ping"}"#) == pong)
        #expect(client.hear(#"{"type":"ping"}"#) == .close(.tooManyRequests))
    }

    private static func client(
        _ configuration: ChannelServerConfiguration = .init()
    ) -> Conversation<ChannelServerDialect> {
        Conversation(ChannelServerDialect(connectionID: "c0nn-\"1", configuration: configuration))
    }

    private static func joined(
        _ configuration: ChannelServerConfiguration = .init()
    ) throws -> Conversation<ChannelServerDialect> {
        let client = Self.client(configuration)
        _ = try #require(client.hear(#"{"type":"join","channelId":"x"}"#).join)
        #expect(client.joinCompleted(.joined) == .reply(Self.joinSuccess))
        return client
    }
}
