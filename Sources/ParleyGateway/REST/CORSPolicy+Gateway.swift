package import ParleyModel

extension CORSPolicy {
    /// Of the event gateway's REST. Source: event gateway specification, *CORS*.
    package static func gateway(_ configuration: GatewayConfiguration) -> CORSPolicy? {
        guard !configuration.isCORSDisabled else { return nil }
        var policy = CORSPolicy(configuration.origins)
        policy.methods = "GET, POST, PUT, DELETE, PATCH, OPTIONS"
        policy.allowedHeaders = ["Content-Type, Authorization, X-Requested-With"]
        policy.maximumAge = 86400
        return policy
    }
}
