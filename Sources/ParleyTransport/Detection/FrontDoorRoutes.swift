package import NIOHTTP1

/// What a listener has, and where, as far as it has to be known before a request is there as a whole.
package protocol FrontDoorRoutes: Sendable {
    /// Who answers a request.
    func route(_ request: UpgradeRequest) -> Route

    /// Bytes that the body of a request to the HTTP API may have; `nil` where nothing is, or answers without looking at one.
    func maximumBodyBytes(of request: UpgradeRequest) -> Int?

    /// What has to be on whatever a request is answered with, refusals of the front door included, so that pages of other origins
    /// may read it.
    func crossOriginFields(for head: HTTPRequestHead) -> [(name: String, value: String)]
}
