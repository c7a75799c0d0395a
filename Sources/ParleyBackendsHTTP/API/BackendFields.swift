internal import NIOCore
internal import ParleyBackends
internal import ParleyModel
internal import ParleyText

/// The members of a JSON object in a request, with errors that name them. Null counts as absent; unknown members as nothing.
struct BackendFields {
    private let buffer: ByteBuffer
    private let path: String
    private var values: [ExactString: JSONValue] = [:]
    /// In the order in which they came.
    private(set) var names: [String] = []

    init(_ buffer: ByteBuffer, path: String = "") throws(BackendFailure) {
        // The scanner relies on it.
        guard TextLength.isUTF8(buffer) else { throw .invalidJSON }
        self.buffer = buffer
        self.path = path
        var values: [ExactString: JSONValue] = [:]
        var names: [String] = []
        var isWhole = true
        do {
            try JSONScanner.scanObject(buffer) { key, value in
                guard let name = key.name else {
                    isWhole = false
                    return
                }
                if values.updateValue(value, forKey: ExactString(name)) == nil { names.append(name) }
            }
        } catch {
            throw .invalidJSON
        }
        guard isWhole else { throw .invalidRequest("\(path): expected names without halves of surrogate pairs") }
        self.values = values
        self.names = names
    }

    func kind(_ name: String) -> JSONValue.Kind? {
        guard let kind = self.values[ExactString(name)]?.kind, kind != .null else { return nil }
        return kind
    }

    private func value(_ name: String, _ kind: JSONValue.Kind, _ expected: String) throws(BackendFailure) -> JSONValue?
    {
        guard let value = self.values[ExactString(name)], value.kind != .null else { return nil }
        guard value.kind == kind else { throw self.unusable(name, expected) }
        return value
    }

    /// What strings are here names something: key, user, tag, variable.
    private static let whole = "a string without halves of surrogate pairs"

    private func unusable(_ name: String, _ expected: String) -> BackendFailure {
        .invalidRequest("\(self.path)\(name): expected \(expected)")
    }

    func string(_ name: String) throws(BackendFailure) -> String? {
        guard let value = try self.value(name, .string, "a string") else { return nil }
        guard let text = JSONString.decodeName(value, in: self.buffer) else { throw self.unusable(name, Self.whole) }
        return text
    }

    func bool(_ name: String) throws(BackendFailure) -> Bool? {
        guard let value = try self.value(name, .bool, "true or false") else { return nil }
        return self.buffer.slice(of: value).readableBytesView.first == UInt8(ascii: "t")
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(BackendFailure) -> Int? {
        let expected =
            "a whole number" + (range.upperBound == .max ? "" : " from \(range.lowerBound) to \(range.upperBound)")
        guard let value = try self.value(name, .number, expected) else { return nil }
        let text = String(buffer: self.buffer.slice(of: value))
        guard let number = Int(text) ?? Double(text).flatMap({ Int(exactly: $0) }), range.contains(number) else {
            throw self.unusable(name, expected)
        }
        return number
    }

    /// Seconds, of which a century is more than enough.
    func seconds(_ name: String) throws(BackendFailure) -> TimeAmount? {
        try self.integer(name, in: 0...3_153_600_000).map { .seconds(Int64($0)) }
    }

    func object(_ name: String) throws(BackendFailure) -> BackendFields? {
        guard let bytes = try self.objectBytes(name) else { return nil }
        return try BackendFields(bytes, path: "\(self.path)\(name).")
    }

    func objectBytes(_ name: String) throws(BackendFailure) -> ByteBuffer? {
        try self.value(name, .object, "an object").map { self.buffer.slice(of: $0) }
    }

    func strings(_ name: String) throws(BackendFailure) -> [String]? {
        guard let value = try self.value(name, .array, "a list of strings") else { return nil }
        let bytes = self.buffer.slice(of: value)
        var texts: [String?] = []
        try? JSONScanner.scanArray(bytes) { texts.append(JSONString.decodeName($0, in: bytes)) }
        let strings = texts.compactMap(\.self)
        guard strings.count == texts.count else { throw self.unusable(name, "a list of strings") }
        return strings
    }
}

enum JSONText {
    /// JSON that means the same and has ASCII alone: what else stands in its strings is escaped (RFC 8259 §7).
    static func ascii(_ json: String) -> String {
        guard !json.utf8.allSatisfy({ $0 < 0x7F }) else { return json }
        var text = ""
        for unit in json.utf16 {
            if unit < 0x7F {
                text.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            } else {
                text += "\\u" + Hexadecimal.encode(unit: unit)
            }
        }
        return text
    }
}
