internal import ParleyText

/// The header field `Authorization`: a scheme, and what proves that somebody may use it.
///
/// One reading for all who ask for it. `credentials = auth-scheme 1*SP …` (RFC 9110 §11.4); the scheme in any case (§11.1),
/// spaces and tabs around the whole are no part of it (§5.5).
public enum AuthorizationField {
    /// What stands behind the scheme; `nil`: no field, another scheme, or nothing behind it.
    /// - Parameter scheme: In lower case.
    public static func credentials(of scheme: String, in field: String?) -> String? {
        guard let field else { return nil }
        let bytes = field.trimmingOptionalWhiteSpace.utf8
        let name = bytes.prefix { $0 != Self.space }
        guard name.elementsEqual(scheme.utf8, by: { $0.asciiLowercased == $1 }) else { return nil }
        let rest = bytes[name.endIndex...].drop { $0 == Self.space }
        return rest.isEmpty ? nil : String(Substring(rest))
    }

    /// The token of `Authorization: Bearer TOKEN` (RFC 6750 §2.1).
    public static func bearer(_ field: String?) -> String? { Self.credentials(of: "bearer", in: field) }

    private static let space = UInt8(ascii: " ")
}
