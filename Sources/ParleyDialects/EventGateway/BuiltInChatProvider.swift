/// Says in a few friendly words that there is nobody to ask. Needs no network.
public struct BuiltInChatProvider: ChatProvider {
    /// Why there is nobody to ask.
    public enum Situation: Sendable {
        /// AI_API_URL is not set.
        case notConfigured
        /// What AI_API_URL names did not answer.
        case providerFailed
    }

    public let situation: Situation
    /// Between two words; zero: none.
    public let interval: Duration

    public init(_ situation: Situation = .notConfigured, interval: Duration = .milliseconds(50)) {
        self.situation = situation
        self.interval = interval
    }

    public var name: String { "built-in" }

    /// The reply word by word, each with the space behind it.
    public func answer(to turns: [ChatTurn], locale: String?) -> AsyncThrowingStream<String, any Error> {
        let words = self.reply(locale: locale).split(separator: " ")
        let interval = self.interval
        return .pieces { yield in
            for word in words.dropLast() {
                yield(word + " ")
                if interval > .zero { try await Task.sleep(for: interval) }
            }
            if let last = words.last { yield(String(last)) }
        }
    }

    /// - Parameter locale: Its language decides, regions do not; English for languages that are not spoken here.
    func reply(locale: String?) -> String {
        let language = locale?.split { $0 == "-" || $0 == "_" }.first?.lowercased()
        switch (language, self.situation) {
        case ("fa", .notConfigured):
            return """
                سلام! پیام شما رسید، متشکرم. من دستیار داخلی این سرور هستم و هنوز هیچ سرویس هوش مصنوعی تنظیم نشده است، \
                برای همین پاسخ بهتری ندارم. مدیر سرور می‌تواند آن را با AI_API_URL تنظیم کند.
                """
        case ("fa", .providerFailed):
            return """
                سلام! پیام شما رسید، متشکرم. متأسفانه سرویس هوش مصنوعی در این لحظه پاسخ نمی‌دهد. \
                لطفاً کمی بعد دوباره تلاش کنید.
                """
        case (_, .notConfigured):
            return """
                Hello, and thank you for your message! I am the built-in assistant of this server: no AI endpoint is configured \
                yet, so this is all I can say. Whoever runs the server can set one with AI_API_URL.
                """
        case (_, .providerFailed):
            return """
                Hello, and thank you for your message! I am sorry: the AI service does not answer at the moment. Please try \
                again in a little while.
                """
        }
    }
}
