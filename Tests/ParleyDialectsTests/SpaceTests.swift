import NIOCore
import ParleyModel
import Testing

@testable import ParleyDialects

/// What one dialect says, in the words of the others that share its space.
@Suite struct SpaceTests {
    @Test("A disposable chatter's text is heard everywhere")
    func fromDisposableChat() throws {
        let parameters = try #require(DisposableChatParameters(name: "Zoë", room: "lobby"))
        let zoe = Conversation(DisposableChatDialect(parameters: parameters, configuration: .init()))
        let payload = try #require(Self.payload(of: zoe.hear(#"{"text":"say \"hi\""}"#)))
        let heard = Self.heard(payload, from: .named("Zoë", id: "id-1", dialect: .disposableChat))
        #expect(
            heard.sessionChat
                == Self.snapshot(#"{"userId":"Zoë","msg":"say \"hi\"","ts":"2024-01-01T12:00:00.000Z"}"#, user: "Zoë")
        )
        #expect(heard.disposableChat == Self.chat(id: "id-1", name: "Zoë", text: #""say \"hi\"""#))
        #expect(heard.channelServer == #"{"type":"message","senderId":"id-1","data":"say \"hi\""}"#)
        #expect(heard.relay == #"say "hi""#)
    }

    @Test("A session chatter's text is heard everywhere")
    func fromSessionChat() throws {
        let alice = Conversation(SessionChatDialect(userID: "alice", room: TopicName("lobby"), configuration: .init()))
        let payload = try #require(Self.payload(of: alice.hear("{\"a\":1}\n")))
        let heard = Self.heard(payload, from: .named("alice"))
        #expect(
            heard.sessionChat
                == Self.snapshot(
                    #"{"userId":"alice","msg":"{\"a\":1}\n","ts":"2024-01-01T12:00:00.000Z"}"#,
                    user: "alice"
                )
        )
        #expect(heard.disposableChat == Self.chat(id: "alice", name: "alice", text: #""{\"a\":1}\n""#))
        #expect(heard.channelServer == #"{"type":"message","senderId":"alice","data":"{\"a\":1}\n"}"#)
        #expect(heard.relay == "{\"a\":1}\n")
    }

    @Test(
        "What a channel publishes is heard everywhere: a string as its text, all else as the JSON it is",
        arguments: [
            (#""say \"hi\"\u0021""#, #""say \"hi\"!""#, #"say "hi"!"#),
            (
                #"{"z":1.0,"a":12345678901234567890}"#, #""{\"z\":1.0,\"a\":12345678901234567890}""#,
                #"{"z":1.0,"a":12345678901234567890}"#
            ),
            ("null", #""null""#, "null"), ("[]", #""[]""#, "[]"), (#""""#, #""""#, ""),
        ]
    )
    func fromChannelServer(data: String, quoted: String, text: String) throws {
        let client = Conversation(ChannelServerDialect(connectionID: "c", configuration: .init()))
        let join = try #require(client.hear(#"{"type":"join","channelId":"lobby"}"#).join)
        _ = client.joinCompleted(.joined)
        let payload = try #require(Self.payload(of: client.hear("{\"type\":\"publish\",\"data\":\(data)}")))
        let name = join.memberID
        let heard = Self.heard(payload, from: .named(name, dialect: .channelServer))
        #expect(
            heard.sessionChat
                == Self.snapshot(
                    "{\"userId\":\"\(name)\",\"msg\":\(quoted),\"ts\":\"2024-01-01T12:00:00.000Z\"}",
                    user: name
                )
        )
        #expect(heard.disposableChat == Self.chat(id: name, name: name, text: quoted))
        #expect(
            heard.channelServer
                == Sent(kind: .text, text: "{\"type\":\"message\",\"senderId\":\"\(name)\",\"data\":\(data)}")
        )
        #expect(heard.relay == Sent(kind: .text, text: data))
        #expect(payload.displayText == ByteBuffer(string: text))
    }

    @Test("Relayed text is heard as text, relayed bytes as text if they are, else in base64")
    func fromRelay() throws {
        let relay = Conversation(
            RelayDialect(join: JoinRequest(topic: TopicName("lobby"), memberID: "m", memberName: "m"))
        )
        let table: [(Payload?, json: String, relay: Sent)] = [
            (Self.payload(of: relay.hear("a\"b")), #""a\"b""#, Sent(kind: .text, text: "a\"b")),
            (Self.payload(of: relay.hear(bytes: Array("é".utf8))), #""é""#, Sent(kind: .binary, text: "é")),
            (Self.payload(of: relay.hear(bytes: [0xff, 0x00])), #""/wA=""#, Sent(kind: .binary, text: "\u{fffd}\0")),
        ]
        for (payload, json, expected) in table {
            let heard = Self.heard(try #require(payload), from: .named("m", dialect: .relay))
            #expect(heard.disposableChat == Self.chat(id: "m", name: "m", text: json))
            #expect(
                heard.channelServer
                    == Sent(kind: .text, text: "{\"type\":\"message\",\"senderId\":\"m\",\"data\":\(json)}")
            )
            #expect(heard.relay == expected)
        }
    }

    @Test(
        "Of events, a message with one string is its text; others are their arguments",
        arguments: [
            ("message", #"["hi"]"#, "hi"), ("message", #"[ "h\u0069" ]"#, "hi"),
            ("message", #"["a","b"]"#, #"["a","b"]"#),
            ("message", "[]", "[]"), ("message", "[1]", "[1]"), ("message", #"[["a"]]"#, #"[["a"]]"#),
            ("typing", #"["hi"]"#, #"["hi"]"#),
            ("move", "[1.0,2]", "[1.0,2]"),
        ]
    )
    func events(name: String, arguments: String, text: String) {
        let heard = Self.heard(.event(name, arguments), from: .named("m"))
        #expect(Payload.event(name, arguments).displayText == ByteBuffer(string: text))
        #expect(heard.relay == Sent(kind: .text, text: text))
        #expect(
            heard.channelServer
                == Sent(kind: .text, text: "{\"type\":\"message\",\"senderId\":\"m\",\"data\":\(arguments)}")
        )
    }

    @Test("A member of any dialect is seen by those that show presence")
    func presence() {
        let members: [Member] = [
            .named("alice"), .named("Zoë", id: "id-1", dialect: .disposableChat),
            .named("V1St", dialect: .channelServer),
        ]
        let room = Room(members: members)
        #expect(
            SessionChatEncoder().message(for: .joined(members[2]), in: room)
                == #"{"messages":[],"connectedUsers":["alice","Zoë","V1St"]}"#
        )
        #expect(
            DisposableChatEncoder().message(for: .joined(members[0]), in: room)
                == #"{"type":"info","data":{"room":{"name":"lobby"},"client":{"id":"alice","name":"alice"},"action":"registered"}}"#
        )
    }

    private struct Heard {
        let sessionChat: Sent?
        let disposableChat: Sent?
        let channelServer: Sent?
        let relay: Sent?
    }

    private static func heard(_ payload: Payload, from member: Member) -> Heard {
        let publication = Publication.said(payload, by: member.name, id: member.id)
        let room = Room(members: [member], publications: [publication])
        return Heard(
            sessionChat: SessionChatEncoder().message(for: .published(publication), in: room),
            disposableChat: DisposableChatEncoder().message(for: .published(publication), in: room),
            channelServer: ChannelServerEncoder().message(for: .published(publication), in: room),
            relay: RelayEncoder().message(for: .published(publication), in: room)
        )
    }

    private static func payload(of action: ReceiveAction) -> Payload? {
        guard case .publish(let payload, _) = action else { return nil }
        return payload
    }

    private static func snapshot(_ message: String, user: String) -> Sent {
        Sent(kind: .text, text: "{\"messages\":[\(message)],\"connectedUsers\":[\"\(user)\"]}")
    }

    private static func chat(id: String, name: String, text: String) -> Sent {
        Sent(
            kind: .text,
            text:
                "{\"type\":\"chat\",\"data\":{\"room\":{\"name\":\"lobby\"},\"client\":{\"id\":\"\(id)\",\"name\":\"\(name)\"},\"text\":\(text)}}"
        )
    }
}
