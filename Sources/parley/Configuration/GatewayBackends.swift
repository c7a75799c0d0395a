import Logging
import ParleyAI
import ParleyDialects
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
            self.chat = FallbackChatProvider(provider) { error in
                logger.warning(
                    "The AI endpoint failed; the built-in reply was given",
                    metadata: ["error": "\(ErrorText.of(error))"]
                )
            }
        } catch {
            throw ConfigurationFailure(description: "\(error)")
        }
    }

    /// - Throws: ``ConfigurationFailure`` when the settings cannot be used, as far as that is known before the start.
    static func check(_ settings: Settings) throws {
        guard try settings.toggle(.gateway), let url = try settings.url(.aiURL) else { return }
        do {
            // No provider is made: one has a client that would have to be shut down.
            try OpenAIChatProvider.check(baseURL: url, apiKey: settings.text(.aiKey))
        } catch {
            throw ConfigurationFailure(description: "AI_API_URL: \(error)")
        }
    }
}
