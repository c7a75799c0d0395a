import Synchronization
import Testing

@testable import ParleyDialects

/// Tests of `ChatProvider.swift`, `BuiltInChatProvider.swift` and `FallbackChatProvider.swift`.
@Suite struct ChatProviderTests {
    static let turns = [ChatTurn(role: .user, content: "Hello")]

    /// Says its pieces, then fails or not.
    struct Scripted: ChatProvider {
        struct Failure: Error, Equatable {}

        let pieces: [String]
        var fails = false
        var name: String { "scripted" }

        func answer(to turns: [ChatTurn], locale: String?) -> AsyncThrowingStream<String, any Error> {
            .pieces { yield in
                for piece in self.pieces { yield(piece) }
                if self.fails { throw Failure() }
            }
        }
    }

    @Test(
        "The built-in reply comes word by word in the language that was asked for, or in English",
        arguments: [
            (nil, "Hello"), ("en", "Hello"), ("en-GB", "Hello"), ("de", "Hello"), ("", "Hello"), ("-", "Hello"),
            ("fa", "سلام!"), ("fa-IR", "سلام!"), ("FA_ir", "سلام!"), ("far", "Hello"),
        ] as [(String?, String)]
    )
    func builtIn(locale: String?, greeting: String) async throws {
        let provider = BuiltInChatProvider(interval: .zero)
        #expect(provider.name == "built-in")
        var pieces: [String] = []
        for try await piece in provider.answer(to: Self.turns, locale: locale) { pieces.append(piece) }
        let text = pieces.joined()
        #expect(text.hasPrefix(greeting))
        #expect(text.contains("AI_API_URL"))
        #expect(text == provider.reply(locale: locale))
        #expect(pieces.count == text.split(separator: " ").count)
        #expect(pieces.dropLast().allSatisfy { $0.hasSuffix(" ") && !$0.dropLast().contains(" ") && $0.count > 1 })
        #expect(pieces.last?.contains(" ") == false)
    }

    @Test("The reply in place of a provider that failed does not tell how to configure one", arguments: ["en", "fa"])
    func apology(locale: String) async throws {
        let provider = BuiltInChatProvider(.providerFailed, interval: .zero)
        var text = ""
        for try await piece in provider.answer(to: Self.turns, locale: locale) { text += piece }
        #expect(!text.isEmpty)
        #expect(!text.contains("AI_API_URL"))
    }

    @Test(
        "Another provider is asked when the first fails or ends before it has said anything",
        arguments: [
            (Scripted(pieces: ["a", "b"]), ["a", "b"], false, 0),
            (Scripted(pieces: []), ["x", "y"], false, 1),
            (Scripted(pieces: [], fails: true), ["x", "y"], false, 1),
            (Scripted(pieces: ["a"], fails: true), ["a"], true, 0),
        ] as [(Scripted, [String], Bool, Int)]
    )
    func fallback(primary: Scripted, expected: [String], throwsError: Bool, reports: Int) async throws {
        let count = Reports()
        let interruptions = Reports()
        let provider = FallbackChatProvider(
            primary,
            else: Scripted(pieces: ["x", "y"]),
            report: { _ in count.increment() },
            interrupted: { _ in interruptions.increment() }
        )
        #expect(provider.name == "scripted")
        var pieces: [String] = []
        do {
            for try await piece in provider.answer(to: Self.turns, locale: nil) { pieces.append(piece) }
            #expect(!throwsError)
        } catch {
            #expect(throwsError)
            #expect(error is Scripted.Failure)
        }
        #expect(pieces == expected)
        #expect(count.value == reports)
        #expect(interruptions.value == (throwsError ? 1 : 0))
    }

    @Test("What a failing fallback throws is thrown")
    func failingFallback() async {
        let failing = Scripted(pieces: [], fails: true)
        await #expect(throws: Scripted.Failure.self) {
            for try await _ in FallbackChatProvider(failing, else: failing).answer(to: Self.turns, locale: nil) {}
        }
    }

    @Test(
        "Cancelling the consumer ends the work behind an answer, also that of a wrapped provider",
        arguments: [false, true]
    )
    func cancellation(isWrapped: Bool) async throws {
        let endless = Endless()
        let provider: any ChatProvider = isWrapped ? FallbackChatProvider(endless) : endless
        let (pieces, firstPiece) = AsyncStream.makeStream(of: String.self)
        let consumer = Task {
            for try await piece in provider.answer(to: Self.turns, locale: nil) { firstPiece.yield(piece) }
        }
        var iterator = pieces.makeAsyncIterator()
        #expect(await iterator.next() == "a")
        consumer.cancel()
        await endless.ended.wait()
        _ = await consumer.result
    }

    /// Says one thing and then nothing, until it is cancelled.
    struct Endless: ChatProvider {
        let ended = Ended()
        var name: String { "endless" }

        func answer(to turns: [ChatTurn], locale: String?) -> AsyncThrowingStream<String, any Error> {
            .pieces { yield in
                yield("a")
                defer { self.ended.signal() }
                try await Task.sleep(for: .seconds(600))
            }
        }
    }

    final class Ended: Sendable {
        private let stream: AsyncStream<Void>
        private let continuation: AsyncStream<Void>.Continuation

        init() { (self.stream, self.continuation) = AsyncStream.makeStream() }

        func signal() { self.continuation.finish() }
        func wait() async { for await _ in self.stream {} }
    }

    final class Reports: Sendable {
        private let count = Mutex(0)

        var value: Int { self.count.withLock { $0 } }
        func increment() { self.count.withLock { $0 += 1 } }
    }
}
