/// Somebody present in a topic: one connection under the identity that its dialect gave it.
public struct Member: Sendable, Equatable {
    public let client: ClientID
    /// What tells it from others on the wire: a user id, a UUID or a sender id. Chosen anew at each join by some dialects.
    public let id: String
    /// What people call it.
    public let name: String
    public let dialect: DialectName

    public init(client: ClientID, id: String, name: String, dialect: DialectName) {
        self.client = client
        self.id = id
        self.name = name
        self.dialect = dialect
    }
}

/// Who said a publication: the identity of its member at that time.
public struct Sender: Sendable, Equatable {
    public let id: String
    public let name: String

    public init(id: String, name: String) {
        self.id = id
        self.name = name
    }
}
