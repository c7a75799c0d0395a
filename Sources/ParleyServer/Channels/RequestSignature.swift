internal import Crypto
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ParleyModel
internal import ParleyText

/// Verifies AWS Signature Version 4 on a request to the management API, as SDKs make it for service `execute-api`.
///
/// Source: AWS General Reference, *Create a signed AWS API request*. Any region is accepted; a date more than five minutes
/// away from ours is not.
struct RequestSignature: Sendable {
    let accessKeyID: String
    let secretAccessKey: String

    static let maximumSkewMilliseconds: Int64 = 5 * 60 * 1000

    func isValid(_ request: Request, body: ByteBuffer, now: WallTime) -> Bool {
        guard let authorization = request.headers[.authorization].flatMap(Authorization.init),
            authorization.accessKeyID.hasSameBytes(as: self.accessKeyID),
            let date = request.headers[HTTPField.Name("X-Amz-Date")!],
            let time = Self.parse(date),
            abs(time.milliseconds - now.milliseconds) <= Self.maximumSkewMilliseconds,
            date.hasPrefix(authorization.date),
            authorization.service == "execute-api",
            authorization.signedHeaders.contains("host")
        else { return false }
        let canonical = self.canonicalRequest(request, body: body, signedHeaders: authorization.signedHeaders)
        let scope = "\(authorization.date)/\(authorization.region)/\(authorization.service)/aws4_request"
        let stringToSign =
            "AWS4-HMAC-SHA256\n\(date)\n\(scope)\n\(Hexadecimal.encode(SHA256.hash(data: Array(canonical.utf8))))"
        let signature = Hexadecimal.encode(self.hmac(stringToSign, key: self.signingKey(for: authorization)))
        return ConstantTime.areEqual(authorization.signature, signature)
    }

    private func canonicalRequest(_ request: Request, body: ByteBuffer, signedHeaders: [String]) -> String {
        let target = request.head.path ?? "/"
        let parts = target.split(ascii: "?", maxSplits: 1, omittingEmptySubsequences: false)
        // The path is encoded once more on top of what was sent, for every service but S3.
        let path = PercentEncoding.encode(parts[0]) { $0.isUnreserved || $0 == UInt8(ascii: "/") }
        let query = QueryString(parts.count > 1 ? parts[1] : "").map { "\($0.name)=\($0.value ?? "")" }.sorted().joined(
            separator: "&"
        )
        var headers = ""
        for name in signedHeaders {
            let value: String
            if name == "host" {
                value = request.head.authority ?? ""
            } else {
                value = HTTPField.Name(name).map { request.headers[values: $0].joined(separator: ",") } ?? ""
            }
            headers += "\(name):\(Self.normalized(value))\n"
        }
        let payload = Hexadecimal.encode(SHA256.hash(data: Array(body.readableBytesView)))
        return [request.method.rawValue, path, query, headers, signedHeaders.joined(separator: ";"), payload].joined(
            separator: "\n"
        )
    }

    private func signingKey(for authorization: Authorization) -> SymmetricKey {
        var key = SymmetricKey(data: Array("AWS4\(self.secretAccessKey)".utf8))
        for part in [authorization.date, authorization.region, authorization.service, "aws4_request"] {
            key = SymmetricKey(data: Array(self.hmac(part, key: key)))
        }
        return key
    }

    private func hmac(_ text: String, key: SymmetricKey) -> HMAC<SHA256>.MAC {
        HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key)
    }

    /// Spaces around a header value go, runs of them become one.
    private static func normalized(_ value: String) -> String {
        value.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }

    /// `20260131T235959Z`.
    private static func parse(_ date: String) -> WallTime? {
        let bytes = Array(date.utf8)
        guard bytes.count == 16, bytes[8] == UInt8(ascii: "T"), bytes[15] == UInt8(ascii: "Z") else { return nil }
        func number(_ range: Range<Int>) -> Int? { Int(String(decoding: bytes[range], as: UTF8.self)) }
        guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8),
            let hour = number(9..<11), let minute = number(11..<13), let second = number(13..<15)
        else { return nil }
        return WallTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    }
}

extension RequestSignature {
    /// `AWS4-HMAC-SHA256 Credential=ID/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=HEX`.
    fileprivate struct Authorization {
        let accessKeyID: String
        let date: String
        let region: String
        let service: String
        let signedHeaders: [String]
        let signature: String

        init?(_ header: String) {
            guard let credentials = AuthorizationField.credentials(of: "aws4-hmac-sha256", in: header) else {
                return nil
            }
            var fields: [String: String] = [:]
            for field in credentials.split(ascii: ",") {
                let sides = field.split(ascii: "=", maxSplits: 1)
                guard sides.count == 2 else { return nil }
                fields[String(sides[0].trimmingOptionalWhiteSpace)] = String(sides[1])
            }
            let credential = (fields["Credential"] ?? "").split(ascii: "/").map(String.init)
            guard credential.count == 5, credential[4] == "aws4_request", let headers = fields["SignedHeaders"],
                let signature = fields["Signature"]
            else { return nil }
            self.accessKeyID = credential[0]
            self.date = credential[1]
            self.region = credential[2]
            self.service = credential[3]
            self.signedHeaders = headers.split(ascii: ";").map(String.init)
            self.signature = signature
        }
    }
}
