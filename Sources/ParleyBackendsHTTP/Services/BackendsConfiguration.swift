public import ParleyBackends
public import ParleyHub

/// Session backends, as a server is told of them.
public struct BackendsConfiguration: Sendable {
    /// How the URLs of backends look.
    public enum URLStyle: String, Sendable {
        /// `https://<cluster>/<token>/`.
        case path
        /// `https://<backend id>.<cluster>/<token>/`.
        case subdomain
    }

    /// Where a trusted API asks whether a request may pass.
    public enum ControlAccess: Sendable {
        /// Whoever asks from this machine.
        case loopback
        case token(String)
        /// A URL that is asked with the same method and headers.
        case forward(String)
        case closed
    }

    /// `nil` switches session backends off.
    public var catalogue: BackendCatalogue?
    public var supervisor = SupervisorConfiguration()
    public var processes = ProcessRuntime.Configuration()
    /// `nil`: images cannot be run.
    public var containers: ContainerRuntime.Configuration?
    /// The name under which browsers reach the proxy, with its port if that is not 443; `nil`: that of the API's own
    /// address, with the proxy's port.
    public var cluster: String?
    public var urlStyle = URLStyle.path
    /// Where clients reach the API, without a slash at the end; `nil`: where the request came.
    public var publicAPIURL: String?
    public var control = ControlAccess.closed
    /// The address that the server binds, under which it may be called, too.
    public var host: String?
    /// Where `/` of the proxy leads; `nil`: 400.
    public var rootRedirect: String?
    /// Whether Plane clients may say in their requests what is to be run.
    public var allowsInlineCommands = false
    /// Where backends are known beyond this process; `nil`: nowhere.
    public var store: (any BackendStore)?
    /// How this node agrees with others that run backends; `nil`: there are none.
    public var coordination: BackendCoordination?
    /// What this program says of itself.
    public var version = "unknown"

    public init() {}
}
