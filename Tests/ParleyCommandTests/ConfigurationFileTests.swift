import Foundation
import ParleyBackends
import ParleyModel
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
        #expect(ConfigurationFile(path: file.path).values == ["CHANNEL_IDLE_TIMEOUT": "5"])
    }

    @Test("Scalars stay as they are written, lists become commas, nothing stays nothing")
    func scalars() throws {
        let file = try TemporaryFile(
            "jwt_secret: 00123\nparley_port: off\ncors_origin: [a, b]\nhost:\nchannel_echo: yes\n"
        )
        #expect(
            ConfigurationFile(path: file.path).values
                == ["JWT_SECRET": "00123", "PARLEY_PORT": "off", "CORS_ORIGIN": "a,b", "CHANNEL_ECHO": "yes"]
        )
    }

    @Test(
        "An unknown key is refused with the nearest name and its line",
        arguments: [
            ("jwt_secrett: x", "jwt_secret"), ("channel:\n  prot: 1", "channel_port"),
            ("spacess:\n  lobby: [relay]", "spaces"), ("log_level: info", "parley_log_level"),
            ("logLevel: info", "parley_log_level"), ("log.format: json", "parley_log_format"),
            ("data-dir: /srv", "parley_data_dir"), ("data_dir: /srv", "parley_data_dir"),
            ("jwt-secert: x", "jwt_secret"), ("prot: 1", "port"),
            ("tls:\n  certificate: a", "parley_tls_certificate"), ("hosst: a", "host"),
            ("max_backends: 1", "backends_max_backends"),
        ]
    )
    func unknown(yaml: String, nearest: String) throws {
        let file = try TemporaryFile(yaml)
        let mistakes = ConfigurationFile(path: file.path).mistakes
        #expect(mistakes.count == 1)
        #expect(mistakes.first?.contains("'\(nearest)'") == true, "\(mistakes)")
        #expect(mistakes.first?.contains(", line \(yaml.contains("\n") ? 2 : 1): ") == true, "\(mistakes)")
    }

    @Test("What is like no name there is gets no suggestion")
    func noSuggestion() throws {
        let file = try TemporaryFile("quantum_flux_capacitor: 1")
        let mistakes = ConfigurationFile(path: file.path).mistakes
        #expect(mistakes.first?.contains("Did you mean") == false)
        #expect(mistakes.first?.contains("check-config") == true)
    }

    @Test(
        "A setting that stands there twice is refused, in whatever spelling",
        arguments: [
            "gateway_name: a\ngatewayName: b", "port: 1\nparley_port: 2",
            "channel_idle_timeout: 1\nchannel: {idleTimeout: 2}",
            "backends_mode: dev\nbackends: {mode: dev}", "jwt_secret: a\nsession_chat_jwt_secret: b",
        ]
    )
    func repeated(yaml: String) throws {
        let file = try TemporaryFile(yaml)
        let mistakes = ConfigurationFile(path: file.path).mistakes
        #expect(mistakes.count == 1)
        #expect(
            mistakes.first?.contains(", line 2: '") == true && mistakes.first?.contains("in line 1") == true,
            "\(mistakes)"
        )
    }

    @Test("Defaults of several settings, and what one of them has, are no repetition")
    func notRepeated() throws {
        let file = try TemporaryFile("cors_origin: a\ngateway_cors_origin: b\nsession_chat_cors_origin: c")
        #expect(ConfigurationFile(path: file.path).mistakes.isEmpty)
    }

    @Test("Names are compared by their bytes")
    func bytes() throws {
        let (one, two) = ("caf\u{E9}", "cafe\u{301}")
        let file = try TemporaryFile(
            """
            spaces: {\(one): [relay], \(two): [session-chat]}
            backends:
              services:
                a/\(one): {command: [x], tags: {\(one): [y], \(two): [z]}}
                a/\(two): {command: [x]}
              executables: {\(one): [\(one)], \(two): [y]}
              accounts: {\(one): {tokens: [s1]}, \(two): {tokens: [s2]}}
            gateway_name: "\u{1F600}\\u00e9 \(two)"
            """
        )
        let read = ConfigurationFile(path: file.path)
        #expect(read.mistakes == [])
        #expect(read.spaces.count == 2 && read.backends.services.count == 2)
        #expect(read.backends.services.values.map(\.tags.count).max() == 2)
        #expect(read.backends.executables[ExactString(one)] == .command([one]))
        #expect(read.backends.accounts[ExactString(two)] == ["s2"])
        #expect(read.values["GATEWAY_NAME"]?.hasSameBytes(as: "\u{1F600}\u{E9} \(two)") == true)
    }

    @Test(
        "A key that stands twice is refused by its name",
        arguments: ["\u{E9}: 1\n\u{E9}: 2", "\u{E9}: 1\n\"\\u00e9\": 2"]
    )
    func twice(yaml: String) throws {
        let file = try TemporaryFile(yaml)
        let read = ConfigurationFile(path: file.path)
        #expect(
            read.isIncomplete && read.mistakes.first?.contains("'\u{E9}' stands there twice") == true,
            "\(read.mistakes)"
        )
    }

    @Test("Everything that is wrong with a file is said, with its line")
    func all() throws {
        let file = try TemporaryFile("hosst: a\nrelay: open\nlog_level: b\nbackends:\n  maxx: 1\nspaces: 5\n")
        let mistakes = ConfigurationFile(path: file.path).mistakes
        #expect(mistakes.count == 4)
        for place in [", line 1: ", ", line 3: ", ", line 5: ", ": spaces: "] {
            #expect(mistakes.contains { $0.hasPrefix(file.path + place) }, "\(place)")
        }
    }

    @Test(
        "What is no YAML, no mapping or no file is refused in a sentence",
        arguments: [
            ("a: [", "line"), ("- 1", "mapping"), ("just text", "mapping"), ("spaces: 5", "spaces"),
            ("host: a\nhost: b", "twice"), ("a: b: c", "line 1"),
        ]
    )
    func unusable(yaml: String, word: String) throws {
        let file = try TemporaryFile(yaml)
        let mistakes = ConfigurationFile(path: file.path).mistakes
        #expect(mistakes.count == 1)
        #expect(mistakes.first?.contains(word) == true, "\(mistakes)")
        #expect(mistakes.first?.contains("\n") == false)
        #expect(
            ConfigurationFile(path: file.path + ".missing").mistakes
                == ["The configuration file \(file.path).missing cannot be read: No such file or directory."]
        )
    }

    @Test("A byte order mark before the first key is no part of it, and line ends of Windows end lines")
    func windows() throws {
        let file = try TemporaryFile("\u{FEFF}host: a\r\nrelay: open\r\n")
        #expect(ConfigurationFile(path: file.path).values == ["HOST": "a", "RELAY": "open"])
    }

    @Test("Text that is not UTF-8 is refused, not guessed at")
    func otherEncodings() throws {
        let file = try TemporaryFile("")
        try Data([0xFF, 0xFE, 0x68, 0x00]).write(to: URL(filePath: file.path))
        #expect(
            ConfigurationFile(path: file.path).mistakes == ["\(file.path) is not UTF-8 text: save the file as UTF-8."]
        )
    }

    @Test("An empty file says nothing")
    func empty() throws {
        let file = try TemporaryFile("# nothing\n")
        #expect(ConfigurationFile(path: file.path).values.isEmpty)
    }

    @Test("The distance of two words is the number of changes between them")
    func distance() {
        #expect(EditDistance.between("kitten", "sitting") == 3)
        #expect(EditDistance.between("", "abc") == 3)
        #expect(EditDistance.between("same", "same") == 0)
    }
}
