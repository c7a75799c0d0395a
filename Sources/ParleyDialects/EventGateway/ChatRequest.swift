public import NIOCore
internal import ParleyModel
internal import ParleyText

/// What a client asks of an AI: the data of `ai:chat` and the body of `POST /api/ai/chat`.
///
/// ```json
/// {"message":"Hello!","conversationHistory":[{"role":"user","content":"Hi"}],"locale":"en"}
/// ```
public struct ChatRequest: Sendable, Equatable {
    /// Of the message, in UTF-16 units.
    public static let maximumMessageLength = 2000
    /// Of the conversation so far, in entries.
    public static let maximumHistoryLength = 50
    /// How many entries of the history the AI gets to see: the last ones.
    public static let usedHistoryLength = 10
    /// Of the locale, in bytes: what RFC 5646 §4.4.1 asks for.
    static let maximumLocaleLength = 35

    /// What the AI is told before anything else.
    public static let systemPrompt = """
        You are a friendly and helpful assistant. Answer briefly and clearly, in the language of the user unless they ask for \
        another.
        """

    public var message: String
    /// Contributions of the user and the assistant, the oldest first.
    public var history: [ChatTurn]
    /// `nil` when the client did not say, or said something that is no locale.
    public var locale: String?

    public init(message: String, history: [ChatTurn] = [], locale: String? = nil) {
        self.message = message
        self.history = history
        self.locale = locale
    }

    /// The conversation as a provider gets it.
    public var turns: [ChatTurn] {
        var prompt = Self.systemPrompt
        if let locale = self.locale { prompt += " The user's locale is \(locale)." }
        return [ChatTurn(role: .system, content: prompt)] + self.history.suffix(Self.usedHistoryLength)
            + [ChatTurn(role: .user, content: self.message)]
    }

    /// - Parameter data: JSON as the client sent it; `nil` when it sent none. Null counts as absent, here and for members.
    public static func parse(_ data: ByteBuffer?) -> Result<ChatRequest, ChatRequestFailure> {
        Result { () throws(ChatRequestFailure) in try ChatRequest(data) }
    }

    private init(_ data: ByteBuffer?) throws(ChatRequestFailure) {
        let data = data ?? ByteBuffer()
        var message: String?
        var history: JSONValue?
        var locale: String?
        do throws(JSONFailure) {
            try JSONScanner.scanObject(data) { key, value in
                if key == "message" {
                    message = JSONString.decode(value, in: data)
                } else if key == "conversationHistory" {
                    history = value
                } else if key == "locale" {
                    locale = JSONString.decode(value, in: data)
                }
            }
        } catch {
            throw .messageRequired
        }
        guard let message, !message.isEmpty else { throw .messageRequired }
        guard message.utf16.count <= Self.maximumMessageLength else { throw .messageTooLong }
        self.message = message
        self.history = try Self.history(history, in: data)
        self.locale = locale.flatMap { Self.isLocale($0) ? $0 : nil }
    }

    private static func history(
        _ value: JSONValue?,
        in data: ByteBuffer
    ) throws(ChatRequestFailure) -> [ChatTurn] {
        guard let value, value.kind != .null else { return [] }
        let list = data.slice(of: value)
        var turns: [ChatTurn] = []
        var count = 0
        do throws(JSONFailure) {
            try JSONScanner.scanArray(list) { element in
                count += 1
                guard count <= Self.maximumHistoryLength else { return }
                if let turn = Self.turn(list.slice(of: element)) { turns.append(turn) }
            }
        } catch {
            throw .historyNotAList
        }
        guard count <= Self.maximumHistoryLength else { throw .historyTooLong }
        return turns
    }

    /// - Returns: `nil` for what is no contribution of the user or the assistant.
    private static func turn(_ entry: ByteBuffer) -> ChatTurn? {
        var role: ChatTurn.Role?
        var content: String?
        do throws(JSONFailure) {
            try JSONScanner.scanObject(entry) { key, value in
                if key == "role" {
                    role = JSONString.decode(value, in: entry).flatMap(ChatTurn.Role.init)
                } else if key == "content" {
                    content = JSONString.decode(value, in: entry)
                }
            }
        } catch {
            return nil
        }
        // A client does not get to speak for the system.
        guard let role, role != .system, let content else { return nil }
        return ChatTurn(role: role, content: content)
    }

    /// Letters, digits and hyphens or underscores: it ends up in a sentence that the AI obeys.
    private static func isLocale(_ text: String) -> Bool {
        (2...Self.maximumLocaleLength).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }
}

/// Why a request to an AI is not usable; the text is for the client.
public struct ChatRequestFailure: Error, Sendable, Equatable {
    public let text: String

    /// Also for data that is no object at all.
    public static let messageRequired = Self(text: "Message is required")
    public static let messageTooLong = Self(
        text: "Message is longer than \(ChatRequest.maximumMessageLength) characters"
    )
    public static let historyNotAList = Self(text: "conversationHistory must be a list")
    public static let historyTooLong = Self(
        text: "conversationHistory has more than \(ChatRequest.maximumHistoryLength) entries"
    )
}
