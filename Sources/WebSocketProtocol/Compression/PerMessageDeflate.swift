/// What both sides agreed on for compression (RFC 7692 §7.1). Four bytes; part of every connection that compresses.
public struct PerMessageDeflate: Sendable, Equatable {
    /// The server compresses each message for itself, so neither side keeps history of that direction (§7.1.1.1).
    public var serverNoContextTakeover: Bool
    /// The same for what the client sends (§7.1.1.2).
    public var clientNoContextTakeover: Bool
    private var serverBits: UInt8
    private var clientBits: UInt8

    /// Base-two logarithm of the server's LZ77 window, 8...15: it refers back to at most that many bytes (§7.1.2.1).
    public var serverMaxWindowBits: Int {
        get { Int(self.serverBits) }
        set { self.serverBits = Self.windowBits(newValue) }
    }

    /// The same for what the client sends (§7.1.2.2).
    public var clientMaxWindowBits: Int {
        get { Int(self.clientBits) }
        set { self.clientBits = Self.windowBits(newValue) }
    }

    /// Window bits outside of 8...15 count as the nearest of them.
    public init(
        serverNoContextTakeover: Bool = true,
        clientNoContextTakeover: Bool = true,
        serverMaxWindowBits: Int = 15,
        clientMaxWindowBits: Int = 15
    ) {
        self.serverNoContextTakeover = serverNoContextTakeover
        self.clientNoContextTakeover = clientNoContextTakeover
        self.serverBits = Self.windowBits(serverMaxWindowBits)
        self.clientBits = Self.windowBits(clientMaxWindowBits)
    }

    /// Whether messages of `sender` build on its earlier messages. If so, give the sending connection a
    /// ``ContextDeflater``; otherwise the loop's ``SharedDeflater`` serves.
    public func keepsContext(sender: WebSocketRole) -> Bool {
        sender == .server ? !self.serverNoContextTakeover : !self.clientNoContextTakeover
    }

    /// The window that `sender` has to stay within.
    public func windowBits(sender: WebSocketRole) -> Int {
        sender == .server ? self.serverMaxWindowBits : self.clientMaxWindowBits
    }

    private static func windowBits(_ bits: Int) -> UInt8 { UInt8(min(max(bits, 8), 15)) }
}

/// What a server agrees to. The default keeps no history in either direction, so that an idle connection holds no zlib
/// state. Takeover costs up to 44 KiB for what we read, and a ``ContextDeflater`` for what we send, per connection.
public struct PerMessageDeflatePolicy: Sendable, Equatable {
    /// Keep history of what we send, unless the client asks not to.
    public var allowsServerContextTakeover: Bool
    /// Let the client keep history, which we then keep too, unless it offers not to.
    public var allowsClientContextTakeover: Bool
    /// The most for what we send, 8...15. At 8, zlib cannot compress and messages are only stored.
    public var serverMaxWindowBits: Int
    /// The most we ask of the client, 8...15. A client that does not offer to limit its window is accepted with 15.
    public var clientMaxWindowBits: Int

    public init(
        allowsServerContextTakeover: Bool = false,
        allowsClientContextTakeover: Bool = false,
        serverMaxWindowBits: Int = 15,
        clientMaxWindowBits: Int = 15
    ) {
        self.allowsServerContextTakeover = allowsServerContextTakeover
        self.allowsClientContextTakeover = allowsClientContextTakeover
        self.serverMaxWindowBits = serverMaxWindowBits
        self.clientMaxWindowBits = clientMaxWindowBits
    }

    /// No context takeover, full windows.
    public static let `default` = Self()
}
