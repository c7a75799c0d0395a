import FuzzSupport
import NIOCore
import WebSocketProtocol

/// A rule that did not hold, in words.
struct BrokenInvariant: Error {
    let sentence: String
}

/// What one way of cutting the stream gave.
struct Outcome: Equatable {
    var actions: [WebSocketConnection.ReceiveAction] = []
    var state: [WebSocketConnection.State] = []
    var isMidMessage = false
}

/// Feeds the case, cut at `cuts` (offsets into the stream, in order), and checks what must hold at every step.
func run(_ fuzzCase: FuzzCase, cuts: [Int], inflater: SharedInflater) throws(BrokenInvariant) -> Outcome {
    var connection = WebSocketConnection(
        role: fuzzCase.role,
        limits: fuzzCase.limits,
        compression: fuzzCase.compression
    )
    var outcome = Outcome()
    let stream = Array(fuzzCase.stream)
    var fed = 0
    let closesAfter = fuzzCase.closesAfter
    let ends = Set(cuts + [stream.count] + (closesAfter.map { [$0] } ?? [])).sorted()
    for end in ends {
        var input = ByteBuffer(bytes: stream[fed..<end])
        fed = end
        while true {
            let action = connection.receive(&input, inflater: inflater)
            if action == .needsMoreInput { break }
            if action == .hasMoreInput { continue }
            try check(action, fuzzCase)
            outcome.actions.append(action)
            if outcome.state.last == .closed {
                throw BrokenInvariant(sentence: "an action after the end: \(action)")
            }
            outcome.state.append(connection.state)
        }
        if input.readableBytes > 0 { throw BrokenInvariant(sentence: "input is left over") }
        if connection.bufferedBytes > max(256, fed * 2) {
            throw BrokenInvariant(sentence: "\(connection.bufferedBytes) bytes are held after \(fed) have arrived")
        }
        if connection.state == .closed, connection.isMidMessage || connection.bufferedBytes > 0 {
            throw BrokenInvariant(sentence: "something is held after the end")
        }
        if end == closesAfter { _ = connection.beginClose() }
    }
    outcome.isMidMessage = connection.isMidMessage
    return outcome
}

private func check(_ action: WebSocketConnection.ReceiveAction, _ fuzzCase: FuzzCase) throws(BrokenInvariant) {
    switch action {
    case .message(let kind, let payload):
        if payload.readableBytes > fuzzCase.limits.maximumMessageBytes {
            throw BrokenInvariant(sentence: "a message of \(payload.readableBytes) bytes passed the limit")
        }
        if kind == .text, String(validating: payload.readableBytesView, as: UTF8.self) == nil {
            throw BrokenInvariant(sentence: "a text message is not UTF-8")
        }
    case .ping(let payload), .pong(let payload):
        if payload.readableBytes > 125 { throw BrokenInvariant(sentence: "a control frame is too long") }
    case .failed(let failure):
        if !failure.code.isAllowedOnTheWire || !(1...123).contains(failure.reason.utf8.count) {
            throw BrokenInvariant(sentence: "\(failure) does not fit into a close frame")
        }
    case .peerClosed(let code, _):
        if code?.isAllowedOnTheWire == false { throw BrokenInvariant(sentence: "close code \(code!) passed") }
    case .needsMoreInput, .hasMoreInput, .closeCompleted:
        break
    }
}

/// Runs the case whole, in random pieces and, unless it is long, byte by byte; all must give the same.
func runAllWays(
    _ fuzzCase: FuzzCase,
    expected: [WebSocketConnection.ReceiveAction]?,
    random: inout SeededGenerator,
    inflater: SharedInflater
) throws(BrokenInvariant) {
    let count = fuzzCase.stream.count
    let whole = try run(fuzzCase, cuts: [], inflater: inflater)
    if let expected, whole.actions != expected {
        throw BrokenInvariant(sentence: "an undamaged conversation gave \(whole.actions), expected \(expected)")
    }
    for pieces in [1, 3, 10] {
        let cuts = (0..<pieces).map { _ in Int.random(in: 0...count, using: &random) }
        let outcome = try run(fuzzCase, cuts: cuts, inflater: inflater)
        if outcome != whole {
            throw BrokenInvariant(sentence: "cut at \(cuts.sorted()): \(outcome), whole: \(whole)")
        }
    }
    if count <= 4096 {
        let outcome = try run(fuzzCase, cuts: Array(0..<count), inflater: inflater)
        if outcome != whole { throw BrokenInvariant(sentence: "byte by byte: \(outcome), whole: \(whole)") }
    }
}
