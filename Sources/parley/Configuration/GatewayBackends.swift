import Logging
import ParleyAI
import ParleyDialects
internal import ParleyGateway
import ParleyHub
import ParleyModel
import ParleySQLite

/// What the gateway keeps its sessions in and asks its questions, as the settings say; opened when the server starts.
struct GatewayBackends {
    /// `nil`: memory.
    let sessions: (any SessionStore)?
    /// `nil`: the built-in reply.
    let chat: (any ChatProvider)?

    /// - Throws: ``ConfigurationFailure`` that names the setting.
    init(_ settings: Settings, logger: Logger) throws {
        guard try settings.toggle(.gateway) else {
            self.sessions = nil
            self.chat = nil
            return
        }
        if let directory = try settings.text(.dataDirectory) {
            do {
                self.sessions = try SQLiteSessionStore(path: directory)
            } catch {
                throw ConfigurationFailure(description: ErrorText.of(error))
            }
        } else {
            self.sessions = nil
        }
        guard let url = try settings.url(.aiURL) else {
            self.chat = nil
            return
        }
        do {
            let provider = try OpenAIChatProvider(
                baseURL: url,
                apiKey: settings.text(.aiKey),
                model: settings.text(.aiModel)
            )
            self.chat = FallbackChatProvider(
                provider,
                report: { error in
                    logger.warning(
                        "The AI endpoint failed; the built-in reply was given",
                        metadata: ["error": "\(ErrorText.of(error))"]
                    )
                },
                interrupted: { error in
                    logger.warning(
                        "The AI endpoint failed in the middle of an answer",
                        metadata: ["error": "\(ErrorText.of(error))"]
                    )
                }
            )
        } catch {
            throw ConfigurationFailure(description: "\(error)")
        }
    }

    /// - Throws: ``ConfigurationFailure`` when the settings cannot be used, as far as that is known before the start.
    static func check(_ settings: Settings) throws {
        guard try settings.toggle(.gateway) else { return }
        var mistakes = Mistakes()
        // No provider is made: one has a client that would have to be shut down.
        mistakes.collect {
            guard let url = try settings.url(.aiURL) else { return }
            try Self.check(settings.value(of: .aiURL)) { try OpenAIChatProvider.check(baseURL: url, apiKey: nil) }
        }
        if let key = try settings.text(.aiKey) {
            mistakes.collect {
                try Self.check(settings.value(of: .aiKey)) { try OpenAIChatProvider.check(apiKey: key) }
            }
        }
        try mistakes.throwIfAny()
    }

    /// Says where it comes from what a provider does not like.
    private static func check(_ value: Settings.Value, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            throw ConfigurationFailure(description: "\(value.name), from \(value.place): \(error).")
        }
    }
}
