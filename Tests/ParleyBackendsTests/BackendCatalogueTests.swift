import ParleyBackends
import ParleyModel
import Testing

@Suite struct BackendCatalogueTests {
    private static let board = BackendService(.command(["board"]), tags: ["v2": .command(["board-v2"])])
    private static let other = BackendService(.command(["other"]))

    private static func name(_ text: String) throws -> ServiceName { try #require(ServiceName(text)) }

    @Test(
        "A name of a service is the name of no other",
        arguments: [
            ServiceName(account: "a/b", service: "c"), ServiceName(account: "a", service: "b/c"),
            ServiceName(account: "a", service: "b", environment: "c/d"), ServiceName(account: "", service: "b"),
            ServiceName(account: "a", service: ""), ServiceName(account: "a", service: "b", environment: ""),
            ServiceName(account: "a\0", service: "b"), ServiceName(account: "a", service: "b\0"),
            ServiceName(account: "a", service: "b", environment: "\0"), ServiceName(account: "plane:a", service: "b"),
        ]
    )
    func ambiguousNames(_ name: ServiceName) {
        #expect(name.flaw != nil)
        #expect(ServiceName(name.description).map { $0 != name } ?? true)
    }

    @Test("A name of a service survives being written", arguments: ["a/b", "a/b/c", "-/-", "é/%2F/:", "a b/plane:/.."])
    func names(_ text: String) throws {
        let name = try Self.name(text)
        #expect(name.flaw == nil && name.description == text)
    }

    @Test("In development the default stands in for any name")
    func development() throws {
        let catalogue = BackendCatalogue(services: [try Self.name("a/board"): Self.board], defaultService: Self.other)
        #expect(try catalogue.service(try Self.name("a/board")) == Self.board)
        #expect(try catalogue.service(try Self.name("x/y")) == Self.other)
        #expect(throws: BackendFailure.serviceNotFound) { try BackendCatalogue().service(try Self.name("x/y")) }
    }

    @Test("In production it stands in only where no service has a name")
    func production() throws {
        var catalogue = BackendCatalogue(mode: .production, defaultService: Self.other)
        #expect(try catalogue.service(try Self.name("x/y")) == Self.other)
        catalogue.services[try Self.name("a/board")] = Self.board
        #expect(throws: BackendFailure.serviceNotFound) { try catalogue.service(try Self.name("x/y")) }
    }

    @Test("An environment has its own service, in development also that without one")
    func environments() throws {
        let catalogue = BackendCatalogue(
            mode: .production,
            services: [try Self.name("a/board"): Self.board, try Self.name("a/board/staging"): Self.other]
        )
        #expect(try catalogue.service(try Self.name("a/board/staging")) == Self.other)
        #expect(throws: BackendFailure.serviceNotFound) { try catalogue.service(try Self.name("a/board/live")) }
        #expect(throws: BackendFailure.serviceNotFound) { try catalogue.service(try Self.name("a/board/staging2")) }
        var lenient = catalogue
        lenient.mode = .development
        #expect(try lenient.service(try Self.name("a/board/live")) == Self.board)
        let bare = BackendCatalogue(mode: .production, defaultService: Self.other)
        #expect(throws: BackendFailure.serviceNotFound) { try bare.service(try Self.name("x/y/live")) }
    }

    @Test("The environment without a name is called default, unless one has that name")
    func defaultEnvironment() throws {
        var catalogue = BackendCatalogue(mode: .production, services: [try Self.name("a/board"): Self.board])
        let name = try Self.name("a/board/default")
        #expect(try catalogue.service(name) == Self.board)
        #expect(catalogue.canonical(name) == (try Self.name("a/board")))
        catalogue.services[name] = Self.other
        #expect(try catalogue.service(name) == Self.other)
        #expect(catalogue.canonical(name) == name)
    }

    @Test("Tags are builds of a service, and nothing in development")
    func tags() throws {
        var catalogue = BackendCatalogue(mode: .production)
        #expect(try catalogue.program(of: Self.board, tag: "v2") == .command(["board-v2"]))
        #expect(try catalogue.program(of: Self.board, tag: nil) == .command(["board"]))
        #expect(throws: BackendFailure.imageNotFound) { try catalogue.program(of: Self.board, tag: "v3") }
        catalogue.mode = .development
        #expect(try catalogue.program(of: Self.board, tag: "v3") == .command(["board"]))
    }

    @Test("A token may belong to several accounts")
    func accounts() {
        let catalogue = BackendCatalogue(mode: .production, accounts: ["a": ["x", "y"], "b": ["y"]])
        #expect(catalogue.accounts(of: "x") == ["a"])
        #expect(catalogue.accounts(of: "y") == ["a", "b"])
        #expect(catalogue.accounts(of: "") == [])
    }
}
