public import NIOCore
public import ParleyModel
internal import ParleyText

/// What governs disposable rooms. Source: disposable chat specification, *Limits*.
public struct DisposableChatConfiguration: Sendable, Equatable {
    /// UTF-16 code units of one chat line; a longer one is answered with an `error` message.
    public var maximumTextLength = 300

    public init() {}
}

/// One disposable chat connection: `{"text":"…"}` in, `welcome`, `info`, `chat` and `error` out.
///
/// Source: disposable chat specification, *Client -> server*.
public struct DisposableChatDialect: Dialect {
    private let parameters: DisposableChatParameters
    private let configuration: DisposableChatConfiguration

    public init(parameters: DisposableChatParameters, configuration: DisposableChatConfiguration) {
        self.parameters = parameters
        self.configuration = configuration
    }

    public mutating func opened(_ context: inout DialectContext) -> OpenAction {
        .join(
            JoinRequest(
                topic: TopicName(self.parameters.room),
                memberID: RandomIdentifier.uuid(using: &context.random),
                memberName: self.parameters.name
            )
        )
    }

    public mutating func received(
        _ kind: MessageKind,
        _ message: ByteBuffer,
        _ context: inout DialectContext
    ) -> ReceiveAction {
        let text = kind == .binary && !TextLength.isUTF8(message) ? "" : Self.text(in: message)
        guard !text.isEmpty else {
            return .reply(.text, Self.error("text must not be empty"))
        }
        guard text.utf16.count <= self.configuration.maximumTextLength else {
            return .reply(.text, Self.error("text must not exceed \(self.configuration.maximumTextLength) characters"))
        }
        return .publish(.text(ByteBuffer(string: text)), includingSender: true)
    }

    public mutating func joinCompleted(_ outcome: JoinOutcome) -> JoinedAction {
        switch outcome {
        // The welcome is the answer.
        case .joined: return .none
        case .refused(let reason): return .close(reason)
        }
    }

    /// The string under `text`; empty for anything else, which is how the original reads malformed input.
    private static func text(in message: ByteBuffer) -> String {
        var found: JSONValue?
        do {
            try JSONScanner.scanObject(message) { key, value in
                if key == "text" { found = value }
            }
        } catch {
            return ""
        }
        return found.flatMap { JSONString.decode($0, in: message) } ?? ""
    }

    private static func error(_ text: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeStaticString("{\"type\":\"error\",\"data\":{\"text\":")
        buffer.writeJSONString(text)
        buffer.writeStaticString("}}")
        return buffer
    }
}

/// The query parameters of a disposable chat connection, checked.
public struct DisposableChatParameters: Sendable, Equatable {
    /// White space trimmed, 3 to 30 UTF-16 units, any characters; need not be unique.
    public let name: String
    /// 3 to 30 of `a-z A-Z 0-9 - _`, case-sensitive.
    public let room: String

    /// - Returns: `nil` when one of them is missing or breaks its rule.
    public init?(name: String?, room: String?) {
        guard let name = name.map({ String($0.trimmingWhiteSpace) }),
            let room = room.map({ String($0.trimmingWhiteSpace) }),
            (3...30).contains(name.utf16.count), (3...30).contains(room.utf16.count),
            room.utf8.allSatisfy({ $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") })
        else { return nil }
        self.name = name
        self.room = room
    }
}
