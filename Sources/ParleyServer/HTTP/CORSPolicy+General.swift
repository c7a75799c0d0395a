internal import ParleyModel

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
}
