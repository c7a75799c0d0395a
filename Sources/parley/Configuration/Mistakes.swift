import ParleyServer

/// What is wrong with a configuration, gathered so that it is reported at once.
struct Mistakes {
    private(set) var texts: [String]

    init(_ texts: [String] = []) {
        self.texts = texts
    }

    var isEmpty: Bool { self.texts.isEmpty }

    /// Keeps what `body` throws.
    /// - Returns: Whether it went well.
    @discardableResult
    mutating func collect(_ body: () throws -> Void) -> Bool {
        do {
            try body()
            return true
        } catch let failure as ConfigurationFailure {
            self.add(failure.mistakes)
        } catch {
            self.add(["\(error)"])
        }
        return false
    }

    /// One cause may be found in two places; it is said once.
    private mutating func add(_ texts: [String]) {
        self.texts += texts.filter { !self.texts.contains($0) }
    }

    /// - Throws: ``ConfigurationFailure`` with all of them.
    func throwIfAny() throws(ConfigurationFailure) {
        if !self.isEmpty { throw ConfigurationFailure(mistakes: self.texts) }
    }
}
