import Testing

@testable import parley

@Suite struct ConfigurationFileTests {
    @Test(
        "A setting is found flat, nested and in any case",
        arguments: [
            "channel_idle_timeout: 5", "CHANNEL_IDLE_TIMEOUT: 5", "channel:\n  idle_timeout: 5",
            "channel: {idleTimeout: 5}",
            "channel-idle-timeout: 5",
        ]
    )
    func spelling(yaml: String) throws {
        let file = try TemporaryFile(yaml)
        #expect(try ConfigurationFile(path: file.path).values == ["CHANNEL_IDLE_TIMEOUT": "5"])
    }

    @Test("Scalars stay as they are written, lists become commas, nothing stays nothing")
    func scalars() throws {
        let file = try TemporaryFile(
            "jwt_secret: 00123\nparley_port: off\ncors_origin: [a, b]\nhost:\nchannel_echo: yes\n"
        )
        #expect(
            try ConfigurationFile(path: file.path).values
                == ["JWT_SECRET": "00123", "PARLEY_PORT": "off", "CORS_ORIGIN": "a,b", "CHANNEL_ECHO": "yes"]
        )
    }

    @Test(
        "An unknown key is refused with the nearest name",
        arguments: [
            ("jwt_secrett: x", "jwt_secret"), ("channel:\n  prot: 1", "channel_port"),
            ("spacess:\n  lobby: [relay]", "spaces"),
        ]
    )
    func unknown(yaml: String, nearest: String) throws {
        let file = try TemporaryFile(yaml)
        let failure = #expect(throws: ConfigurationFailure.self) { try ConfigurationFile(path: file.path) }
        #expect(failure?.description.contains("'\(nearest)'") == true)
    }

    @Test("What is no YAML, no mapping or no file is refused", arguments: ["a: [", "- 1", "just text", "spaces: 5"])
    func unusable(yaml: String) throws {
        let file = try TemporaryFile(yaml)
        #expect(throws: ConfigurationFailure.self) { try ConfigurationFile(path: file.path) }
        #expect(throws: ConfigurationFailure.self) { try ConfigurationFile(path: file.path + ".missing") }
    }

    @Test("An empty file says nothing")
    func empty() throws {
        let file = try TemporaryFile("# nothing\n")
        #expect(try ConfigurationFile(path: file.path).values.isEmpty)
    }

    @Test("The distance of two words is the number of changes between them")
    func distance() {
        #expect(EditDistance.between("kitten", "sitting") == 3)
        #expect(EditDistance.between("", "abc") == 3)
        #expect(EditDistance.between("same", "same") == 0)
    }
}
