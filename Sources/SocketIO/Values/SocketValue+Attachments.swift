public import NIOCore

/// Why the placeholders of a binary packet do not fit to its attachments.
public struct PlaceholderFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Reason: String, Sendable {
        case notAnInteger = "a placeholder needs an integer as its num"
        case outOfRange = "a placeholder has a num that is no attachment's"
        case tooMany = "more placeholders than a packet may have attachments"
    }

    public let reason: Reason

    public var description: String { self.reason.rawValue }
}

extension SocketValue {
    /// The value with an attachment in place of each object whose `_placeholder` is true.
    ///
    /// `num` says which. As in the reference, attachments may be used many times or never; but as each use becomes an
    /// attachment of its own when the value is sent on, there may be no more of them than of attachments.
    /// - Parameters:
    ///   - attachments: In the order in which they came.
    ///   - maximumUses: How many placeholders there may be.
    /// - Throws: ``PlaceholderFailure``. The connection that sent it is closed.
    public func substitutingAttachments(
        _ attachments: [ByteBuffer],
        maximumUses: Int = SocketPacketDecoder.Limits().maximumAttachments
    ) throws(PlaceholderFailure) -> SocketValue {
        var uses = maximumUses
        return try self.substituting(attachments, &uses)
    }

    private func substituting(
        _ attachments: [ByteBuffer],
        _ uses: inout Int
    ) throws(PlaceholderFailure) -> SocketValue {
        switch self {
        case .array(let elements):
            var result: [SocketValue] = []
            result.reserveCapacity(elements.count)
            for element in elements { result.append(try element.substituting(attachments, &uses)) }
            return .array(result)
        case .object(let object):
            if case .bool(true)? = object["_placeholder"] {
                uses -= 1
                guard uses >= 0 else { throw PlaceholderFailure(reason: .tooMany) }
                return .binary(try Self.attachment(of: object, in: attachments))
            }
            var result = SocketObject()
            for (key, value) in object {
                result.append(key: key, value: try value.substituting(attachments, &uses))
            }
            return .object(result)
        case .json(let bytes):
            guard Self.mayHavePlaceholders(bytes) else { return self }
            return try self.parsed.substituting(attachments, &uses)
        case .null, .bool, .int, .double, .string, .binary: return self
        }
    }

    private static func attachment(
        of placeholder: SocketObject,
        in attachments: [ByteBuffer]
    ) throws(PlaceholderFailure) -> ByteBuffer {
        guard let number = placeholder["num"]?.int else { throw PlaceholderFailure(reason: .notAnInteger) }
        guard attachments.indices.contains(number) else { throw PlaceholderFailure(reason: .outOfRange) }
        return attachments[number]
    }

    /// Whether it is worth parsing `json` to look for placeholders: false only if there is none.
    ///
    /// True also for text that looks like one, and for every ASCII character written as `\u00…`: keys may be spelled so.
    public static func mayHavePlaceholders(_ json: ByteBuffer) -> Bool {
        json.withUnsafeReadableBytes { bytes in
            var index = 0
            while index < bytes.count {
                switch bytes[index] {
                case UInt8(ascii: "_") where bytes[index...].starts(with: "_placeholder".utf8): return true
                case UInt8(ascii: "\\") where bytes[index...].starts(with: "\\u00".utf8): return true
                default: index += 1
                }
            }
            return false
        }
    }
}
