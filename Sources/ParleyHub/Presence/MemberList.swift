internal import ParleyModel

/// Who is in a topic, in the order of joining, with constant-time joins, leaves and look-ups.
///
/// A leave leaves a hole; holes are swept when they are half of the list.
struct MemberList {
    /// A member, and the wire format that its connection receives.
    struct Entry {
        let member: Member
        /// `nil`: it is a connection of another node.
        let format: FormatID?
    }

    private struct UniqueName: Hashable {
        let dialect: DialectName
        let name: ExactString

        init(dialect: DialectName, name: String) {
            self.dialect = dialect
            self.name = ExactString(name)
        }
    }

    private var entries: ContiguousArray<Entry?> = []
    private var indices: [ClientID: Int] = [:]
    private var uniqueNames: [UniqueName: ClientID] = [:]
    private var countsByDialect: [DialectName: Int] = [:]

    var count: Int { self.indices.count }
    var isEmpty: Bool { self.indices.isEmpty }

    func count(of dialect: DialectName) -> Int {
        self.countsByDialect[dialect] ?? 0
    }

    subscript(client: ClientID) -> Member? {
        self.indices[client].flatMap { self.entries[$0]?.member }
    }

    func entry(_ client: ClientID) -> Entry? {
        self.indices[client].flatMap { self.entries[$0] }
    }

    func holdsName(_ member: Member) -> Bool {
        self.uniqueNames[UniqueName(dialect: member.dialect, name: member.name)] == member.client
    }

    /// The member that holds `name` to itself in `dialect`.
    func holder(of name: String, in dialect: DialectName) -> Entry? {
        self.uniqueNames[UniqueName(dialect: dialect, name: name)].flatMap { self.indices[$0] }.flatMap {
            self.entries[$0]
        }
    }

    mutating func append(_ member: Member, format: FormatID?, holdsName: Bool) {
        self.indices[member.client] = self.entries.count
        self.entries.append(Entry(member: member, format: format))
        self.countsByDialect[member.dialect, default: 0] += 1
        if holdsName {
            self.uniqueNames[UniqueName(dialect: member.dialect, name: member.name)] = member.client
        }
    }

    @discardableResult
    mutating func remove(_ client: ClientID) -> Entry? {
        guard let index = self.indices.removeValue(forKey: client), let entry = self.entries[index] else {
            return nil
        }
        let member = entry.member
        self.entries[index] = nil
        self.countsByDialect[member.dialect, default: 1] -= 1
        let name = UniqueName(dialect: member.dialect, name: member.name)
        if self.uniqueNames[name] == client { self.uniqueNames[name] = nil }
        self.sweepIfNeeded()
        return entry
    }

    /// Puts `member` into the place of `old`, which keeps its rank in the order.
    mutating func replace(_ old: ClientID, with member: Member, format: FormatID?) {
        guard let index = self.indices.removeValue(forKey: old) else { return }
        self.indices[member.client] = index
        self.entries[index] = Entry(member: member, format: format)
        self.uniqueNames[UniqueName(dialect: member.dialect, name: member.name)] = member.client
    }

    func forEachEntry(_ body: (Entry) -> Void) {
        for case let entry? in self.entries { body(entry) }
    }

    func forEach(_ body: (Member) -> Void) {
        for case let entry? in self.entries { body(entry.member) }
    }

    var all: [Member] { self.entries.compactMap { $0?.member } }

    private mutating func sweepIfNeeded() {
        guard self.entries.count > 16, self.indices.count * 2 < self.entries.count else { return }
        self.entries.removeAll { $0 == nil }
        for (index, entry) in self.entries.enumerated() {
            if let entry { self.indices[entry.member.client] = index }
        }
    }
}
