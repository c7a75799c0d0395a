internal import NIOCore
internal import ParleyModel
internal import ParleyText

/// Reads the body of one answer: bytes go in as they come, pieces of text come out.
struct AnswerReader {
    /// Named in errors.
    let provider: String

    private var form: AnswerForm?
    /// What came before the form was known, and all of it when it is JSON.
    private var collected = ByteBuffer()
    private var events = ServerSentEvents(rules: .lenient)
    private var received = 0
    private var passed = 0
    /// The first half of a character whose second has not come yet.
    private var high: UInt16?

    init(provider: String) {
        self.provider = provider
    }

    /// - Returns: Whether the provider has said that this is the end.
    mutating func receive(_ bytes: ByteBuffer, _ yield: (String) -> Void) throws(ChatProviderError) -> Bool {
        self.received += bytes.readableBytes
        guard self.received <= OpenAIChatProvider.maximumBodyBytes else { throw self.tooLong }
        if self.form == .events { return try self.read(bytes, yield) }
        // Escapes may take six bytes for one.
        guard self.collected.readableBytes + bytes.readableBytes <= OpenAIChatProvider.maximumAnswerBytes * 6 else {
            throw self.tooLong
        }
        self.collected.writeImmutableBuffer(bytes)
        self.form = self.form ?? AnswerForm(beginningWith: self.collected)
        switch self.form {
        case .events:
            defer { self.collected = ByteBuffer() }
            return try self.read(self.collected, yield)
        case .neither:
            throw self.malformed
        case .json, nil:
            return false
        }
    }

    /// The body has ended.
    mutating func finish(_ yield: (String) -> Void) throws(ChatProviderError) {
        try self.finishBody(yield)
        _ = try self.pass(.done, yield)
    }

    private mutating func finishBody(_ yield: (String) -> Void) throws(ChatProviderError) {
        switch self.form {
        case .json:
            _ = try self.pass(ChatCompletion.content(ofAnswer: self.collected), yield)
        case .events:
            let last: ServerSentEvents.Event?
            do throws(ServerSentEvents.Failure) {
                last = try self.events.finish()
            } catch {
                throw self.error(for: error)
            }
            if let last { _ = try self.pass(ChatCompletion.content(of: last), yield) }
        case .neither, nil:
            break
        }
    }

    private mutating func read(_ bytes: ByteBuffer, _ yield: (String) -> Void) throws(ChatProviderError) -> Bool {
        let events: [ServerSentEvents.Event]
        do throws(ServerSentEvents.Failure) {
            events = try self.events.receive(bytes.readableBytesView)
        } catch {
            throw self.error(for: error)
        }
        for event in events where try self.pass(ChatCompletion.content(of: event), yield) { return true }
        return false
    }

    private mutating func pass(
        _ content: ChatCompletion.Content,
        _ yield: (String) -> Void
    ) throws(ChatProviderError) -> Bool {
        switch content {
        case .piece(""):
            return false
        case .part(let part):
            try self.tell(self.joined(part), yield)
            return false
        case .piece(let piece):
            try self.tell(self.high == nil ? piece : self.joined(JSONString.Part(text: piece)), yield)
            return false
        case .done:
            if self.high != nil { yield(self.joined(JSONString.Part(text: ""))) }
            return true
        case .failure:
            throw ChatProviderError(
                .failed,
                "\(self.provider) reported an error instead of an answer, or of the rest of it"
            )
        case .malformed:
            throw self.malformed
        }
    }

    private mutating func tell(_ text: String, _ yield: (String) -> Void) throws(ChatProviderError) {
        guard !text.isEmpty else { return }
        self.passed += text.utf8.count
        guard self.passed <= OpenAIChatProvider.maximumAnswerBytes else { throw self.tooLong }
        yield(text)
    }

    /// With the half that was kept, and without that which is kept now. What finds no other half becomes U+FFFD.
    private mutating func joined(_ part: JSONString.Part) -> String {
        let units = [self.high, part.low].compactMap(\.self)
        self.high = part.high
        return String(decoding: units, as: UTF16.self) + part.text
    }

    private func error(for failure: ServerSentEvents.Failure) -> ChatProviderError {
        switch failure.reason {
        case .strayJSON: return self.malformed
        case .lineTooLong, .eventTooLarge:
            return ChatProviderError(
                .malformedAnswer,
                "\(self.provider) sent a line or an event of more than \(failure.limit) bytes"
            )
        }
    }

    private var malformed: ChatProviderError {
        ChatProviderError(.malformedAnswer, "\(self.provider) did not answer with chat completions")
    }

    private var tooLong: ChatProviderError {
        ChatProviderError(
            .answerTooLong,
            "\(self.provider) answered with more than \(OpenAIChatProvider.maximumAnswerBytes) bytes of text, or "
                + "\(OpenAIChatProvider.maximumBodyBytes) of anything"
        )
    }
}
