package import ParleyModel

extension CORSPolicy {
    /// Of the session backends' API: any page may ask, as tokens are in headers, which it has to know, and ids are secrets.
    package static let backends: CORSPolicy = {
        var policy = CORSPolicy(.any)
        policy.methods = "GET, POST, DELETE, OPTIONS"
        policy.allowedHeaders = ["authorization, content-type, last-event-id"]
        policy.maximumAge = 600
        return policy
    }()
}
