import ParleyBackends
internal import ParleyBackendsHTTP
internal import ParleyGateway
import ParleyHub
import ParleyJWT
import ParleyModel
import ParleyServer

/// What `serve --dev` prints: a URL to paste for each dialect, tokens included.
struct DevelopmentGuide {
    let server: ParleyServer
    let plan: ServePlan

    /// How this program was called, so that lines can be pasted whether or not it is on the PATH.
    private var program: String { CommandLine.arguments.first ?? "parley" }

    private var host: String { HostName.local(self.plan.server.host, or: "localhost") }

    var text: String {
        get async throws {
            var lines = [
                "",
                "Parley \(Parley.version), for trying things. Paste into other terminals; each dialect has rooms of its own:",
                "",
            ]
            guard let port = self.port(of: .frontDoor) else { return lines.joined(separator: "\n") }
            let scheme = self.plan.server.tls == nil ? "ws" : "wss"
            let base = "\(scheme)://\(self.host):\(port)"
            if let authority = self.plan.authority {
                for user in ["alice", "bob"] {
                    let token = try await authority.issue(SessionClaims(userID: UserID(user), roomID: "lobby"))
                    lines += ["  session chat, as \(user)", "    \(self.program) connect '\(base)/?token=\(token)'"]
                }
            }
            if self.plan.server.disposableChat.isEnabled {
                lines += [
                    "  disposable chat: send {\"text\":\"hello\"}",
                    "    \(self.program) connect '\(base)/ws?name=alice&room=lobby'",
                ]
            }
            if self.plan.server.channelServer.isEnabled {
                lines += [
                    "  channel server: send {\"type\":\"join\",\"channelId\":\"lobby\"}, then {\"type\":\"publish\",\"data\":\"hello\"}"
                ]
                lines += ["    \(self.program) connect '\(base)/channels'"]
                if let own = self.port(of: .channelServer) {
                    lines += [
                        "    \(self.program) connect '\(scheme)://\(self.host):\(own)/'"
                    ]
                }
            }
            if let token = try await self.server.acquireGatewaySession() {
                lines += [
                    "  event gateway: send {\"event\":\"ping\"}, or {\"event\":\"ai:chat\",\"data\":{\"message\":\"Hello\"}}",
                    "    \(self.program) connect '\(base)/events?token=\(token)'",
                ]
                if let own = self.port(of: .gateway) {
                    let http = self.plan.server.tls == nil ? "http" : "https"
                    lines += [
                        "  the same for Socket.IO clients",
                        "    io('\(http)://\(self.host):\(own)', { auth: { token: '\(token)' } })",
                    ]
                }
            }
            if case .open = self.plan.server.relay.access {
                lines += [
                    "  relay: whatever you send, to everybody there",
                    "    \(self.program) connect '\(base)/relay/lobby'",
                ]
            }
            if let api = self.port(of: .backendsAPI), let catalogue = self.plan.server.backends.catalogue,
                catalogue.mode == .development, catalogue.defaultService != nil
            {
                let http = self.plan.server.tls == nil ? "http" : "https"
                lines += [
                    "  session backends: a process for each key; open the url of the answer in two browsers",
                    "    curl -X POST \(http)://\(self.host):\(api)/v2/service/-/-/connect -d '{\"key\":\"lobby\"}'",
                ]
            }
            lines += ["", "Any WebSocket client will do. Tokens and messages last until Ctrl-C.", ""]
            return lines.joined(separator: "\n")
        }
    }

    private func port(of kind: ServerConfiguration.Listener.Kind) -> Int? {
        self.server.addresses.first { $0.kind == kind }?.port
    }
}
