import NIOCore
import ParleyModel
import ParleyText
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The bridge to Swift's own models. `Data` is binary on the wire, `Date` the ISO 8601 text that JavaScript makes of its dates.
extension SocketValue {
    /// Makes a `T` of the value.
    ///
    /// `Data` is read from binary, or from base64 text.
    /// - Throws: `DecodingError` when the value is not a `T`.
    public func decode<T: Decodable>(_ type: T.Type = T.self) throws -> T {
        var json = ByteBuffer()
        var attachments: [ByteBuffer] = []
        self.writeJSON(into: &json, attachments: &attachments)
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom(Self.date)
        decoder.dataDecodingStrategy = .custom { [attachments] in try Self.data($0, attachments) }
        return try decoder.decode(type, from: Data(json.readableBytesView))
    }

    /// Takes what `value` encodes. The keys of its objects are sorted.
    /// - Throws: `EncodingError`, for numbers that are infinite or none in particular.
    public init(encoding value: some Encodable) throws {
        let found = FoundAttachments()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            let milliseconds = Int64(exactly: (date.timeIntervalSince1970 * 1000).rounded())
            var container = encoder.singleValueContainer()
            switch milliseconds.map({ WallTime(milliseconds: $0).socketValue }) {
            case .string(let text)?: try container.encode(text)
            default: try container.encodeNil()
            }
        }
        encoder.dataEncodingStrategy = .custom { data, encoder in
            try Placeholder(num: found.append(ByteBuffer(bytes: data))).encode(to: encoder)
        }
        let json = ByteBuffer(bytes: try encoder.encode(value))
        let attachments = found.all
        self =
            attachments.isEmpty
            ? .json(json) : try SocketValue(json: json).substitutingAttachments(attachments, maximumUses: .max)
    }

    @Sendable private static func date(_ decoder: any Decoder) throws -> Date {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        let styles = [Date.ISO8601FormatStyle(includingFractionalSeconds: true), Date.ISO8601FormatStyle()]
        for style in styles {
            if let date = try? style.parse(text) { return date }
        }
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected a date as ISO 8601 text")
    }

    private static func data(_ decoder: any Decoder, _ attachments: [ByteBuffer]) throws -> Data {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self), let bytes = Base64.decode(text.utf8, .strict) {
            return Data(bytes)
        }
        // Bytes stand in the JSON that is decoded as they would on the wire.
        let placeholder = try container.decode(Placeholder.self)
        guard placeholder._placeholder, attachments.indices.contains(placeholder.num) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "expected binary or base64")
        }
        return Data(attachments[placeholder.num].readableBytesView)
    }
}

/// What stands in JSON where bytes were cut out.
private struct Placeholder: Codable {
    var _placeholder = true
    let num: Int

    init(num: Int) {
        self.num = num
    }
}

/// The bytes that an encoder came across. Protected only because the encoder's strategies are `@Sendable`.
private final class FoundAttachments: Sendable {
    private let found = Mutex<[ByteBuffer]>([])

    var all: [ByteBuffer] { self.found.withLock { $0 } }

    /// - Returns: The index of `bytes` among the attachments.
    func append(_ bytes: ByteBuffer) -> Int {
        self.found.withLock { found in
            found.append(bytes)
            return found.count - 1
        }
    }
}
