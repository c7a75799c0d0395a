internal import Foundation
internal import ParleyModel

/// Where chat completions are asked for.
struct ChatEndpoint: Sendable, Equatable {
    let url: String
    /// Without port and user: fit for showing.
    let host: String

    private static let path = "/chat/completions"

    /// - Parameter setting: The base `https://host/v1`, or the whole `https://host/v1/chat/completions`; a query is kept.
    init(setting: String) throws(ChatProviderError) {
        do throws(HTTPURL.Mistake) {
            _ = try HTTPURL(setting)
        } catch {
            // The setting may have a password in it, so that it is not repeated.
            throw ChatProviderError(
                .invalidURL,
                "AI_API_URL is no URL of chat completions: expected \(error.expectation), for example https://host/v1"
            )
        }
        guard var components = URLComponents(string: setting), let host = components.host, !host.isEmpty else {
            throw ChatProviderError(
                .invalidURL,
                "AI_API_URL is no URL of chat completions: expected for example https://host/v1"
            )
        }
        var path = components.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
        components.percentEncodedPath = path.hasSuffix(Self.path) ? path : path + Self.path
        components.fragment = nil
        guard let url = components.string else {
            throw ChatProviderError(.invalidURL, "AI_API_URL is no URL")
        }
        self.url = url
        self.host = host
    }
}
