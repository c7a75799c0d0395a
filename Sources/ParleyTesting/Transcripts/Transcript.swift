internal import Foundation

/// A conversation with a server, step by step: an example of a protocol that can be run as a test.
///
/// ```
/// # A publishes; everybody in the channel receives it.
/// A: connect /channels
/// A> {"type":"join","channelId":"x"}
/// A< {"type":"joinSuccess"}
/// A: close 1000
/// ```
///
/// Each line is a step of one client, whose name (letters and digits) comes first:
///
/// | line | meaning |
/// |---|---|
/// | `A: connect /path?query` | connects; `A: connect /path Name: value` sends a header field as well |
/// | `A: refused 401 GET /path` | the handshake is answered with this HTTP status |
/// | `A> text`, `A>> 00ff` | the client sends a text message, or a binary one in hexadecimal |
/// | `A< text`, `A<< 00ff` | the next message that the client receives is exactly this one |
/// | `A: silent` | nothing has arrived that was not read: the server answered a ping, and no message came before |
/// | `A! 1008 Room is full` | the server closes the connection with this code and exactly this reason |
/// | `A: close 1000 reason` | the client closes, having received no message that is not in the transcript |
///
/// `#` begins a comment line. Text holds exactly what follows the first space; see ``TranscriptPattern`` for what may stand
/// in `{{` and `}}`. Who is still connected at the end is asked for messages that were not expected, and closed with 1000.
public struct Transcript: Sendable, Equatable {
    /// One line that does something.
    public struct Step: Sendable, Equatable {
        /// From 1.
        public var line: Int
        /// The client's name.
        public var client: String
        public var action: Action
    }

    /// What a step does, or expects.
    public enum Action: Sendable, Equatable {
        case connect(Request)
        case refused(status: Int, Request)
        case send(TranscriptPattern)
        case sendBinary([UInt8])
        case expect(TranscriptPattern)
        case expectBinary([UInt8])
        case silent
        case closed(code: UInt16, reason: String)
        case close(code: UInt16, reason: String)
    }

    /// A handshake.
    public struct Request: Sendable, Equatable {
        /// Path and query.
        public var target: TranscriptPattern
        /// A header field, `Name: value`.
        public var header: String?
    }

    /// The name of the file, for messages.
    public var file: String
    public var steps: [Step]

    /// Parses a transcript.
    /// - Throws: ``TranscriptFailure`` for the first line that cannot be read.
    public init(_ text: String, file: String) throws(TranscriptFailure) {
        self.file = file
        self.steps = []
        var parser = TranscriptParser()
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            do {
                guard let (client, action) = try parser.parse(line) else { continue }
                self.steps.append(Step(line: index + 1, client: client, action: action))
            } catch {
                throw TranscriptFailure(file: file, line: index + 1, message: error.description)
            }
        }
    }

    /// Reads a transcript file.
    public init(contentsOf path: String) throws {
        try self.init(String(contentsOfFile: path, encoding: .utf8), file: path)
    }

    /// The names of all transcripts, `*.txt`, in a directory and those below it: relative to the directory, sorted.
    public static func files(in directory: String) -> [String] {
        let path = URL(filePath: directory).resolvingSymlinksInPath().path
        let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(".txt") }.sorted()
    }
}

/// Why a transcript cannot be read, or what went otherwise than it says: `file:line: expected …, got …`.
public struct TranscriptFailure: Error, Sendable, Equatable, CustomStringConvertible {
    public var file: String
    /// From 1.
    public var line: Int
    public var message: String

    public var description: String { "\(self.file):\(self.line): \(self.message)" }
}
