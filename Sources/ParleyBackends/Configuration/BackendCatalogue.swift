public import ParleyModel

/// Which services there are, and whose.
public struct BackendCatalogue: Sendable {
    /// Who may use the API.
    public enum Mode: String, Sendable {
        /// Everybody, under any names: for the developer's own machine.
        case development = "dev"
        /// Accounts with their tokens.
        case production
    }

    public var mode: Mode
    /// By name; those of production belong to the account in the name.
    public var services: [ServiceName: BackendService]
    /// What every other service is.
    public var defaultService: BackendService?
    /// Programs by the names of images, for Plane clients.
    public var executables: [ExactString: BackendService.Program]
    /// Tokens by account.
    public var accounts: [ExactString: [String]]

    public init(
        mode: Mode = .development,
        services: [ServiceName: BackendService] = [:],
        defaultService: BackendService? = nil,
        executables: [ExactString: BackendService.Program] = [:],
        accounts: [ExactString: [String]] = [:]
    ) {
        self.mode = mode
        self.services = services
        self.defaultService = defaultService
        self.executables = executables
        self.accounts = accounts
    }

    /// The name that keys and records go by: the environment without a name is also called `default`.
    public func canonical(_ name: ServiceName) -> ServiceName {
        guard name.environment == "default", self.services[name] == nil else { return name }
        return ServiceName(account: name.account, service: name.service)
    }

    /// The service of a name.
    ///
    /// In development a service stands in for its environments, and the default for any name; in production an
    /// environment must be there by its name, and the default is what there is where no service is named.
    /// - Throws: ``BackendFailure/serviceNotFound``.
    public func service(_ name: ServiceName) throws(BackendFailure) -> BackendService {
        let name = self.canonical(name)
        if let service = self.services[name] { return service }
        switch self.mode {
        case .production:
            guard name.environment == nil, self.services.isEmpty, let service = self.defaultService else { break }
            return service
        case .development:
            let general = ServiceName(account: name.account, service: name.service)
            if let service = self.services[general] ?? self.defaultService { return service }
        }
        throw .serviceNotFound
    }

    /// The build that a request asks for.
    /// - Parameter tag: `nil`: the usual one.
    /// - Throws: ``BackendFailure/imageNotFound``.
    public func program(of service: BackendService, tag: String?) throws(BackendFailure) -> BackendService.Program {
        // Clients in development name tags of images that nobody has built here.
        guard let tag, self.mode == .production else { return service.program }
        guard let program = service.tags[ExactString(tag)] else { throw .imageNotFound }
        return program
    }

    /// Names of an account's services.
    public func serviceNames(of account: String) -> [String] {
        let names = Set(
            self.services.keys.filter { $0.account.hasSameBytes(as: account) }.map { ExactString($0.service) }
        )
        return names.isEmpty && self.defaultService != nil ? ["default"] : names.sorted().map(\.text)
    }

    /// Environments of a service; `nil` is the one without a name.
    public func environments(of name: ServiceName) -> [String?] {
        let named = self.services.keys.compactMap { key in
            key.account.hasSameBytes(as: name.account) && key.service.hasSameBytes(as: name.service)
                ? key.environment : nil
        }.sorted()
        let general = ServiceName(account: name.account, service: name.service)
        return (named.isEmpty || self.services[general] != nil ? [nil] : []) + named.map(Optional.some)
    }

    /// The accounts that a token belongs to.
    ///
    /// Every token is compared, and as a whole, so that the time says nothing about them.
    public func accounts(of token: String) -> [String] {
        self.accounts.filter { _, tokens in
            tokens.reduce(false) { ConstantTime.areEqual($1, token) || $0 }
        }.map(\.key).sorted().map(\.text)
    }
}
