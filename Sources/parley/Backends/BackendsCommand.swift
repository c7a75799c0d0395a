import ArgumentParser
internal import ParleyBackendsHTTP

/// `parley backends`: what runs, from a terminal.
struct BackendsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backends",
        abstract: "Look after the session backends of a running server.",
        discussion: """
            Speaks to the operator's API: in production its token is that of BACKENDS_CTRL_TOKEN. With --account, to the API of that
            account, with one of its tokens.

            Examples:
              parley backends list
              parley backends logs i3dm9bvqk0ttw1
              parley backends terminate --hard i3dm9bvqk0ttw1
            """,
        subcommands: [List.self, Info.self, Logs.self, Terminate.self, Drain.self, Undrain.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the live backends: id, state, when they were made, service and key."
        )

        @OptionGroup var server: BackendsServer

        func run() async throws {
            try await self.server.use { api in
                for backend in try await api.backends() {
                    StandardOutput.line(
                        [
                            backend.id, backend.status?.text ?? "", backend.createdAt,
                            "\(backend.accountName)/\(backend.serviceName)", backend.key ?? "",
                        ].joined(separator: "  ")
                    )
                }
            }
        }
    }

    struct Info: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print what is known of a backend, as JSON.")

        @OptionGroup var server: BackendsServer
        @Argument(help: "The backend's id.") var id: String

        func run() async throws {
            try await self.server.use {
                StandardOutput.line(try await $0.get($0.path(of: self.id)))
            }
        }
    }

    struct Logs: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a backend's output: what is kept, and what comes until it ends."
        )

        @OptionGroup var server: BackendsServer
        @Argument(help: "The backend's id.") var id: String

        func run() async throws {
            try await self.server.use { api in
                try await api.stream(api.path(of: self.id) + "/logs/stream") {
                    StandardOutput.line($0)
                }
            }
        }
    }

    struct Terminate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ask backends to end; without waiting for it.")

        @OptionGroup var server: BackendsServer
        @Argument(help: "Ids of backends.") var ids: [String]
        @Flag(help: "Kill them.") var hard = false

        func run() async throws {
            try await self.server.use { api in
                for id in self.ids { try await api.terminate(id, isHard: self.hard) }
            }
        }
    }

    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a server take no new backends; those that live stay.",
            discussion: "For operators alone: --account does not go with it."
        )

        @OptionGroup var server: BackendsServer

        func run() async throws {
            try await self.server.use { api in
                for node in try await api.drain() {
                    StandardOutput.line(
                        "\(node.name) \(node.updated ? "takes no new backends" : "was draining already")"
                    )
                }
            }
        }
    }

    struct Undrain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take drain back: let a server take new backends again.",
            discussion: "For operators alone: --account does not go with it."
        )

        @OptionGroup var server: BackendsServer

        func run() async throws {
            try await self.server.use { api in
                for node in try await api.drain(false) {
                    StandardOutput.line(
                        "\(node.name) \(node.updated ? "takes new backends again" : "was not draining")"
                    )
                }
            }
        }
    }
}
