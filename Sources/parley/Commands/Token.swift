import ArgumentParser
import ParleyHub
import ParleyJWT
import ParleyModel

struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Mint a session chat token.",
        discussion: """
            Signed with JWT_SECRET, from the environment, .env or --config:
              JWT_SECRET=… parley token --user alice --room lobby
            """
    )

    @Option(help: "Claim userId: who the bearer is.")
    var user: String

    @Option(help: "Claim roomId: the room that it admits to, or * for every relay topic. Without it, a login token.")
    var room: String?

    @Option(help: ArgumentHelp("Claim host: the host:port that it is good for. Default: any.", valueName: "host:port"))
    var host: String?

    @Option(help: "Seconds that it is valid. Default: TOKEN_TTL; 0: for ever.")
    var ttl: Int?

    @Option(help: ArgumentHelp("YAML file with settings.", valueName: "file"))
    var config: String?

    /// As of TOKEN_TTL.
    private static let maximumTTL = 1 << 40

    func validate() throws {
        guard SessionClaims.isIdentifier(self.user), self.room.map(SessionClaims.isIdentifier) ?? true else {
            throw ValidationError("--user and --room are 1 to 256 characters long.")
        }
        guard (0...Self.maximumTTL).contains(self.ttl ?? 0) else {
            throw ValidationError("--ttl is from 0 to \(Self.maximumTTL) seconds.")
        }
    }

    func run() async throws {
        do {
            let settings = try await Settings(flags: [], file: self.config)
            guard let secret = try settings.text(.jwtSecret) else {
                throw ConfigurationFailure(description: "JWT_SECRET is not set: it signs the token.")
            }
            let ttl = try self.ttl ?? settings.count(.tokenTTL)
            let authority = await SessionTokenAuthority(secret: secret, wallTime: Clock.wallTime)
            let expiry = ttl > 0 ? WallTime(milliseconds: Clock.wallTime().milliseconds + Int64(ttl) * 1000) : nil
            let claims = SessionClaims(
                userID: UserID(self.user),
                roomID: self.room.map { TopicName($0) },
                host: self.host,
                expiresAt: expiry
            )
            StandardOutput.line(try await authority.issue(claims))
        } catch let failure as ConfigurationFailure {
            throw failure.reported()
        }
    }
}
