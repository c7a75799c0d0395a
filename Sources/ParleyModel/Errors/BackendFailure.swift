/// Why a request to the session backends' API is refused: a row of the one table.
///
/// The same failure has two faces: `code` in the answers of `/v2`, `kind` in those of the Plane-compatible API, each with
/// its own HTTP status. Texts never name paths, commands or environment.
public struct BackendFailure: Error, Sendable, Hashable {
    /// The HTTP status of `/v2` and `/v1`.
    public let status: Int
    /// `error.code` of `/v2`.
    public let code: String
    /// `kind` of `/ctrl` and `/pub`.
    public let kind: String
    /// The HTTP status of `/ctrl` and `/pub`.
    public let planeStatus: Int
    /// What was expected, and where a setting governs it, which.
    public let text: String
    /// Seconds until the same request may succeed; `nil`: not by waiting, or nobody knows.
    public private(set) var retryAfter: Int?

    private init(_ status: Int, _ code: String, kind: String, planeStatus: Int? = nil, _ text: String) {
        self.status = status
        self.code = code
        self.kind = kind
        self.planeStatus = planeStatus ?? status
        self.text = text
    }
}

extension BackendFailure {
    public static let invalidJSON = BackendFailure(
        400,
        "InvalidJson",
        kind: "InvalidJson",
        "The body is not a JSON object"
    )
    public static let invalidCluster = BackendFailure(
        400,
        "InvalidRequest",
        kind: "InvalidClusterName",
        "No such cluster: expected the one that backends.cluster names, or none"
    )
    public static let unauthorized = BackendFailure(
        401,
        "Unauthorized",
        kind: "Unauthorized",
        "Expected Authorization: Bearer with a token of backends.accounts"
    )
    public static let forbidden = BackendFailure(
        403,
        "Forbidden",
        kind: "Forbidden",
        "The token belongs to another account"
    )
    public static let developmentOnly = BackendFailure(
        403,
        "Forbidden",
        kind: "Forbidden",
        "BACKENDS_MODE=dev serves programs and pages of this machine alone, at localhost; for others set production and backends.accounts"
    )
    public static let backendNotFound = BackendFailure(404, "BackendNotFound", kind: "NotFound", "No such backend")
    public static let serviceNotFound = BackendFailure(
        404,
        "ServiceNotFound",
        kind: "NotFound",
        "No such service: services stand under backends.services in the configuration file"
    )
    public static let imageNotFound = BackendFailure(
        404,
        "ImageNotFound",
        kind: "NotFound",
        "No such build: tags stand under the service, images under backends.executables"
    )
    public static let notFound = BackendFailure(404, "NotFound", kind: "NotFound", "Nothing is here")
    public static let wrongMethod = BackendFailure(
        405,
        "WrongMethod",
        kind: "WrongMethod",
        "Another method is expected here: the header Allow names it"
    )
    public static let keyUnheld = BackendFailure(
        409,
        "KeyUnheldNoSpawnConfig",
        kind: "KeyUnheldNoSpawnConfig",
        "No live backend holds the key, and the request does not allow to spawn one"
    )
    public static let keyHeld = BackendFailure(
        409,
        "KeyHeld",
        kind: "KeyHeld",
        "A live backend holds the key with another tag"
    )
    public static let notRunning = BackendFailure(
        409,
        "BackendNotRunning",
        kind: "BackendNotRunning",
        "The backend has ended already"
    )
    public static let tooLarge = BackendFailure(
        413,
        "PayloadTooLarge",
        kind: "PayloadTooLarge",
        "The body is larger than this address takes, 2097152 bytes at most"
    )
    public static let unsupportedMediaType = BackendFailure(
        415,
        "InvalidRequest",
        kind: "UnsupportedMediaType",
        "Expected Content-Type: application/json"
    )
    public static let rateLimited = BackendFailure(
        429,
        "RateLimited",
        kind: "RateLimited",
        "The account spawns more backends a minute than BACKENDS_SPAWNS_PER_MINUTE allows"
    )
    public static let internalError = BackendFailure(500, "Internal", kind: "Other", "Internal error")
    public static let keyLockFailed = BackendFailure(
        500,
        "Internal",
        kind: "FailedToAcquireKey",
        "The key could not be acquired"
    )
    public static let notImplemented = BackendFailure(
        501,
        "NotImplemented",
        kind: "NotImplemented",
        "Services, accounts and tokens are made in the configuration file, under backends"
    )
    public static let noCapacity = BackendFailure(
        503,
        "NoCapacity",
        kind: "NoDroneAvailable",
        planeStatus: 500,
        "As many backends are live as BACKENDS_MAX_BACKENDS allows"
    ).retrying(after: 5)
    public static let tooManyStreams = BackendFailure(
        503,
        "NoCapacity",
        kind: "Other",
        "As many streams of the backend are open as may: 10000 of states, 64 of output, 16 of use"
    ).retrying(after: 5)
    public static let draining = BackendFailure(
        503,
        "NoCapacity",
        kind: "NoDroneAvailable",
        planeStatus: 500,
        "No node takes new backends at present"
    ).retrying(after: 5)
    public static let shuttingDown = BackendFailure(
        503,
        "ShuttingDown",
        kind: "NoDroneAvailable",
        planeStatus: 500,
        "The server is shutting down"
    ).retrying(after: 5)

    /// The same, for those who would try again.
    public func retrying(after seconds: Int) -> BackendFailure {
        var failure = self
        failure.retryAfter = max(1, seconds)
        return failure
    }

    /// Whether it is the same row of the table.
    public static func == (left: BackendFailure, right: BackendFailure) -> Bool {
        left.status == right.status && left.code == right.code && left.kind == right.kind && left.text == right.text
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(self.text) }

    /// A request whose shape is wrong.
    /// - Parameter text: Which field, what was expected, what came.
    public static func invalidRequest(_ text: String) -> BackendFailure {
        BackendFailure(400, "InvalidRequest", kind: "InvalidRequest", planeStatus: 422, text)
    }

    /// Every fixed row, in the order of the printed table. ``invalidRequest(_:)`` brings a sentence of its own.
    public static let all: [BackendFailure] = [
        .invalidJSON, .invalidCluster, .unauthorized, .forbidden, .developmentOnly, .backendNotFound, .serviceNotFound,
        .imageNotFound,
        .notFound, .wrongMethod, .keyUnheld, .keyHeld, .notRunning, .tooLarge, .unsupportedMediaType, .rateLimited,
        .internalError,
        .keyLockFailed, .notImplemented, .noCapacity, .tooManyStreams, .draining, .shuttingDown,
    ]
}
