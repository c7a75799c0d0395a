import FuzzSupport
import FuzzedRESP
import NIOCore

/// A rule that did not hold, in words.
struct BrokenInvariant: Error {
    let sentence: String
}

/// What one way of cutting the stream gave. As text, since what is no number equals nothing.
struct Outcome: Equatable {
    var values: [String] = []
    var error: RESPError?
}

/// Feeds the case, cut at `cuts` (offsets into the stream, in order), and checks what must hold at every step.
func run(_ fuzzCase: [UInt8], cuts: [Int]) throws(BrokenInvariant) -> Outcome {
    var limits = RESPLimits()
    if fuzzCase.first == 1 {
        limits.maximumStringBytes = 1000
        limits.maximumValueBytes = 4000
        limits.maximumElements = 20
        limits.maximumDepth = 4
        limits.maximumLineBytes = 40
    }
    var parser = RESPParser(limits: limits)
    var outcome = Outcome()
    let stream = fuzzCase.dropFirst()
    var fed = stream.startIndex
    var unread = 0
    for end in Set(cuts + [stream.count]).sorted() {
        parser.receive(ByteBuffer(bytes: stream[fed..<stream.startIndex + end]))
        unread += stream.startIndex + end - fed
        fed = stream.startIndex + end
        do throws(RESPError) {
            while let value = try parser.next() { outcome.values.append("\(value)") }
        } catch {
            outcome.error = error
            let again = Result { try parser.next() }
            guard case .failure = again else { throw BrokenInvariant(sentence: "a value after the error \(error)") }
            if parser.bufferedBytes > 0 { throw BrokenInvariant(sentence: "something is held after an error") }
            return outcome
        }
        if parser.bufferedBytes > unread {
            throw BrokenInvariant(sentence: "\(parser.bufferedBytes) bytes are held after \(unread) have arrived")
        }
    }
    return outcome
}

/// Runs the case whole, in random pieces and, unless it is long, byte by byte; all must give the same.
func runAllWays(
    _ fuzzCase: [UInt8],
    expected: [RESPValue]?,
    random: inout SeededGenerator
) throws(BrokenInvariant) {
    let count = max(0, fuzzCase.count - 1)
    let whole = try run(fuzzCase, cuts: [])
    if let expected, whole.values != expected.map({ "\($0)" }) || whole.error != nil {
        throw BrokenInvariant(sentence: "undamaged values gave \(whole), expected \(expected)")
    }
    for pieces in [1, 3, 10] {
        let cuts = (0..<pieces).map { _ in Int.random(in: 0...count, using: &random) }
        let outcome = try run(fuzzCase, cuts: cuts)
        if outcome != whole { throw BrokenInvariant(sentence: "cut at \(cuts.sorted()): \(outcome), whole: \(whole)") }
    }
    if count <= 4096 {
        let outcome = try run(fuzzCase, cuts: Array(0..<count))
        if outcome != whole { throw BrokenInvariant(sentence: "byte by byte: \(outcome), whole: \(whole)") }
    }
}
