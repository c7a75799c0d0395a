internal import NIOCore
internal import ParleyHub
internal import ParleyModel

/// Why a token is none. Not shown to its bearer, who might be guessing.
enum TokenFailure: Error {
    case malformed
    /// `alg` is none of ours.
    case algorithm
    /// `crit` asks for something that is not understood here.
    case critical
    /// A member is there twice, or of a type that it cannot have.
    case unusable
    case expired
    case notYetValid
}

/// The members of a JSON object, of which none may be there twice, asked for or not (RFC 7515 §4, RFC 7519 §4).
private struct TokenMembers {
    private var values: [JSONValue?]
    private let json: ByteBuffer

    init(_ json: ByteBuffer, _ names: StaticString...) throws(TokenFailure) {
        self.json = json
        var values = [JSONValue?](repeating: nil, count: names.count)
        var isTwice = false
        var seen: Set<ExactString> = []
        // The scanner relies on UTF-8.
        guard TextLength.isUTF8(json) else { throw .malformed }
        do throws(JSONFailure) {
            try JSONScanner.scanObject(json) { key, value in
                if !seen.insert(ExactString(key.string)).inserted { isTwice = true }
                guard let index = names.firstIndex(where: { key == $0 }) else { return }
                values[index] = value
            }
        } catch {
            throw .malformed
        }
        if isTwice { throw .unusable }
        self.values = values
    }

    func has(_ index: Int) -> Bool { self.values[index] != nil }

    /// Null counts as absent.
    func name(_ index: Int) throws(TokenFailure) -> String? {
        guard let value = self.values[index], value.kind != .null else { return nil }
        guard let text = JSONString.decodeName(value, in: self.json) else { throw .unusable }
        return text
    }

    /// Seconds since 1970. Null is no date: taken for absent, it would be one that never comes.
    func date(_ index: Int) throws(TokenFailure) -> Double? {
        guard let value = self.values[index] else { return nil }
        guard value.kind == .number, let seconds = Double(String(buffer: self.json.slice(of: value))), seconds.isFinite
        else { throw .unusable }
        return seconds
    }
}

/// The header of a token (RFC 7515 §4).
struct TokenHeader {
    enum Algorithm: String {
        case hs256 = "HS256"
        case hs384 = "HS384"
        case hs512 = "HS512"
    }

    let algorithm: Algorithm

    init(_ json: ByteBuffer) throws(TokenFailure) {
        let members = try TokenMembers(json, "alg", "crit")
        // No extension is understood here, and an empty list of them must not be (RFC 7515 §4.1.11).
        guard !members.has(1) else { throw .critical }
        guard let name = try members.name(0), let algorithm = Algorithm(rawValue: name) else { throw .algorithm }
        self.algorithm = algorithm
    }
}

/// What a token says. Dates are seconds, which the original's library also takes as fractions.
struct TokenClaims {
    private let userID: String
    private let roomID: String?
    private let host: String?
    private let expiry: Double?
    private let start: Double?

    init(_ json: ByteBuffer) throws(TokenFailure) {
        let members = try TokenMembers(json, "userId", "roomId", "host", "exp", "nbf")
        guard let userID = try members.name(0) else { throw .unusable }
        self.userID = userID
        self.roomID = try members.name(1)
        // Null is a host that no request has: taken for absent, it would be any.
        self.host = try members.name(2)
        if self.host == nil, members.has(2) { throw .unusable }
        self.expiry = try members.date(3)
        self.start = try members.date(4)
    }

    /// From `nbf` on, and before `exp` (RFC 7519 §4.1.4 and §4.1.5).
    func check(at time: WallTime) throws(TokenFailure) {
        let now = Double(time.milliseconds) / 1000
        if let expiry, expiry <= now { throw .expired }
        if let start, start > now { throw .notYetValid }
    }

    var session: SessionClaims {
        SessionClaims(
            userID: UserID(self.userID),
            roomID: self.roomID.map { TopicName($0) },
            host: self.host,
            expiresAt: self.expiry.map { WallTime(milliseconds: Int64(min(max($0 * 1000, 0), 1e15))) }
        )
    }
}
