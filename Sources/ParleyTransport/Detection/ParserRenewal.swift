internal import NIOHTTP1

/// When the parser of HTTP is replaced: behind a request where it has stopped, and once all that was read is dealt with.
///
/// Nobody took up the offer behind which it has stopped, so that what follows is the next request (RFC 9110 §7.8), for a parser of
/// its own. That gets what the former has kept, as a read in which it may stop, too.
struct ParserRenewal: Equatable {
    /// Whether the parser stops behind the present request.
    private var isStopped = false
    /// Whether a read is being dealt with: the parser must not be replaced from within.
    private var isInRead = false
    /// Whether it is to be replaced at the end of the read.
    private var isDue = false

    /// The parser has found something: whoever goes on has not stopped.
    mutating func partCame() {
        self.isInRead = true
        self.isDue = false
    }

    /// - Parameter head: As the parser has it.
    mutating func requestBegan(_ head: HTTPRequestHead) { self.isStopped = ParserStop.isBehind(head) }

    /// All of the request is here.
    /// - Returns: Whether to replace the parser now.
    mutating func requestEnded() -> Bool {
        guard self.isStopped else { return false }
        self.isStopped = false
        self.isDue = self.isInRead
        return !self.isInRead
    }

    /// All that one read has brought is dealt with, or the parser is replaced.
    /// - Returns: Whether to replace the parser now.
    mutating func readEnded() -> Bool {
        let isDue = self.isDue
        self.isInRead = false
        self.isDue = false
        return isDue
    }
}
