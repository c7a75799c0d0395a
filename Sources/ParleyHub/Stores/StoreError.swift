public import ParleyModel

/// What a store could not do. Two errors are equal when their codes are.
public struct StoreError: SpokenError, Sendable, Equatable {
    /// What kind of error it is. More may be added: a `switch` needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Wrapped: String {
            case exists, full, unavailable, damaged
        }

        private let wrapped: Wrapped

        /// There is one of this name already.
        public static let exists = Self(wrapped: .exists)
        /// The store holds as many as it may.
        public static let full = Self(wrapped: .full)
        /// The store cannot be asked now: it may be tried again.
        public static let unavailable = Self(wrapped: .unavailable)
        /// What is stored cannot be read: somebody has to look.
        public static let damaged = Self(wrapped: .damaged)

        public var description: String { self.wrapped.rawValue }
    }

    public var code: Code
    /// A sentence for operators; never has a token in it.
    public var message: String
    /// What the database said, if there is one.
    public var underlyingError: (any Error)?
    /// Where the error was made.
    public var file: String
    public var line: Int

    public init(
        _ code: Code,
        _ message: String,
        underlyingError: (any Error)? = nil,
        file: String = #fileID,
        line: Int = #line
    ) {
        self.code = code
        self.message = message
        self.underlyingError = underlyingError
        self.file = file
        self.line = line
    }

    /// What anything that a store threw comes to.
    init(of error: any Error) {
        self = error as? StoreError ?? StoreError(.unavailable, ErrorText.of(error), underlyingError: error)
    }

    public var description: String { self.message }

    public static func == (lhs: Self, rhs: Self) -> Bool { lhs.code == rhs.code }
}
