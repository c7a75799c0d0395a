public import NIOCore

/// Where nodes agree on who holds which key.
///
/// A key has one holder at a time, also over pauses of nodes, partitions and clocks that jump: a lease ends by the directory's own
/// clock alone, a holder gives up earlier by its own (``LeaseHolder``), counting from before it asked, and nobody compares the two.
/// Whoever acts for a holder that has lost its key without noticing is told by its fencing token, which is smaller than that of the
/// next.
///
/// All methods throw ``StoreError``. An answer that does not come in time is thrown as `unavailable`: the directory may have done
/// what it was asked for, or may do it yet. Each method says what may be assumed then. None is tried again by the directory itself.
public protocol KeyDirectory: Sendable {
    /// Gives a key to a holder, for `lease` from the moment at which the directory decides it, unless somebody holds it.
    ///
    /// Atomic: of any number who ask at once, one gets it. Its fencing token is larger than any that was given before, for
    /// whichever key, and than those of ``advanceFencing(past:)``.
    ///
    /// After an error the key may be the holder's until the lease is over, and nobody else's; ``holder(of:)`` tells. The holder
    /// does not act on it: it asks for the grant and releases it, or acquires again under another name.
    func acquire(_ key: BackendKey, for holder: KeyHolder, lease: TimeAmount) async throws -> KeyAcquisition

    /// Lets a holder have its key for another `lease` from now.
    ///
    /// - Returns: `false` when the grant does not hold the key any more, because its lease is over, it was released, or somebody
    ///   forced it out; that is final.
    ///
    /// After an error the lease may have become longer, never shorter. The holder asks again, and counts from the last question
    /// that was granted.
    func renew(_ grant: KeyGrant, lease: TimeAmount) async throws -> Bool

    /// Makes a key free at once. Nothing happens when the grant does not hold it, so that a late release takes nothing from the next
    /// holder, and doing it twice does no harm.
    ///
    /// After an error the key is free now, soon, or when its lease is over.
    func release(_ grant: KeyGrant) async throws

    /// Who holds a key; it may be another's, or nobody's, when the answer arrives.
    ///
    /// An answer is as new as the question: a grant that was given, or released, before the question is seen.
    func holder(of key: BackendKey) async throws -> KeyGrant?

    /// Fencing tokens from here on are larger than `token`, of which somebody knows that it was given: from a life of the directory
    /// that it has forgotten. Doing it twice, or with a smaller one, does nothing.
    ///
    /// After an error it may not be done: no key is acquired before it is.
    func advanceFencing(past token: Int64) async throws
}

/// Who holds a key: a backend, and where it runs.
public struct KeyHolder: Sendable, Hashable {
    public let backend: BackendID
    /// The name of a ``BackendNode``.
    public let node: String

    public init(backend: BackendID, node: String) {
        self.backend = backend
        self.node = node
    }
}

/// A key that was acquired, and the right to renew and release it.
public struct KeyGrant: Sendable, Hashable {
    public let key: BackendKey
    public let holder: KeyHolder
    /// Grows with every acquisition of any key, and stays the same over renewals.
    public let fencingToken: Int64

    public init(key: BackendKey, holder: KeyHolder, fencingToken: Int64) {
        self.key = key
        self.holder = holder
        self.fencingToken = fencingToken
    }
}

public enum KeyAcquisition: Sendable, Hashable {
    case acquired(KeyGrant)
    /// By somebody; perhaps by who asks, when an answer was lost.
    case held(KeyGrant)
}
