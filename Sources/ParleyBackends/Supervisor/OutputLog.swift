public import DequeModule

/// The last lines of a backend's output.
public struct OutputLog: Sendable {
    public static let maximumLines = 1000
    public static let maximumBytes = 1 << 20

    public private(set) var lines: Deque<String> = []
    public private(set) var bytes = 0

    public init() {}

    mutating func removeFirst() -> String? {
        guard let first = self.lines.popFirst() else { return nil }
        self.bytes -= first.utf8.count
        return first
    }

    public mutating func append(_ line: String) {
        self.lines.append(line)
        self.bytes += line.utf8.count
        while self.lines.count > Self.maximumLines || self.bytes > Self.maximumBytes, self.removeFirst() != nil {}
    }
}
