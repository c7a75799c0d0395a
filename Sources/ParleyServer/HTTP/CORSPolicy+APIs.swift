internal import ParleyModel

/// The policies of the APIs: how they differ is all here.
extension CORSPolicy {
    /// Of everything that has none of its own: what the setting CORS_ORIGIN says.
    /// - Returns: `nil` without origins: every page of another origin is refused by its browser.
    static func general(_ origins: OriginList) -> CORSPolicy? {
        guard !origins.isEmpty else { return nil }
        var policy = CORSPolicy(origins)
        policy.methods = "GET, POST, DELETE, OPTIONS"
        policy.allowedHeaders = ["authorization, content-type"]
        policy.maximumAge = 600
        return policy
    }

    /// Of the event gateway's REST. Source: event gateway specification, *CORS*.
    static func gateway(_ configuration: GatewayConfiguration) -> CORSPolicy? {
        guard !configuration.isCORSDisabled else { return nil }
        var policy = CORSPolicy(configuration.origins)
        policy.methods = "GET, POST, PUT, DELETE, PATCH, OPTIONS"
        policy.allowedHeaders = ["Content-Type, Authorization, X-Requested-With"]
        policy.maximumAge = 86400
        return policy
    }

    /// Of the session backends' API: any page may ask, as tokens are in headers, which it has to know, and ids are secrets.
    static let backends: CORSPolicy = {
        var policy = CORSPolicy(.any)
        policy.methods = "GET, POST, DELETE, OPTIONS"
        policy.allowedHeaders = ["authorization, content-type, last-event-id"]
        policy.maximumAge = 600
        return policy
    }()
}
