import ParleyModel
import ParleySQLite
import ParleyServer

extension ServerConfiguration {
    /// What is said in rooms outlives this process where there is a directory to keep it in.
    /// - Throws: ``ConfigurationFailure`` that names the setting.
    mutating func openHistories(_ settings: Settings) throws {
        guard self.sessionChat.authenticator != nil, let directory = try settings.text(.dataDirectory) else { return }
        do {
            self.histories = try SQLiteHistoryStore(path: directory)
        } catch {
            throw ConfigurationFailure(description: ErrorText.of(error))
        }
    }
}
