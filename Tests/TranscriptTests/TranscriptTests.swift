import ParleyTesting
import Testing

/// Every file of `Tests/Transcripts`, against a server of its own.
@Suite("Transcripts")
struct TranscriptTests {
    /// `Tests/Transcripts`, beside the directory of this file.
    private static let directory =
        #filePath.split(separator: "/", omittingEmptySubsequences: false)
        .dropLast(2).joined(separator: "/") + "/Transcripts"

    static let names = Transcript.files(in: directory)

    @Test("The conversation goes as it is written", arguments: names)
    func conversation(_ name: String) async throws {
        let transcript = try Transcript(contentsOf: "\(Self.directory)/\(name)")
        try await TranscriptServer.withServer { baseURL, token in
            try await TranscriptRunner(baseURL: baseURL, token: token).run(transcript)
        }
    }

    @Test(
        "Every dialect has transcripts",
        arguments: [
            "channel-server", "disposable-chat", "event-gateway", "relay", "session-chat", "socket-io",
        ]
    )
    func coverage(_ dialect: String) {
        #expect(Self.names.contains { $0.hasPrefix("\(dialect)/") })
    }
}
