internal import ParleyBackendsHTTP
import ParleyModel
import ParleySQLite
import ParleyServer

extension BackendsConfiguration {
    /// Backends are known beyond this process where there is a directory to keep them in.
    /// - Throws: ``ConfigurationFailure`` that names the setting.
    mutating func openStore(_ settings: Settings) throws {
        guard self.catalogue != nil, let directory = try settings.text(.dataDirectory) else { return }
        do {
            self.store = try SQLiteBackendStore(path: directory)
        } catch {
            throw ConfigurationFailure(description: ErrorText.of(error))
        }
    }
}
