public import DequeModule

/// The last lines of a backend's output.
public struct OutputLog: Sendable {
    public static let maximumLines = 1000
    public static let maximumBytes = 1 << 20

    public private(set) var lines: Deque<String> = []
    private var bytes = 0

    public init() {}

    public mutating func append(_ line: String) {
        self.lines.append(line)
        self.bytes += line.utf8.count
        while self.lines.count > Self.maximumLines || self.bytes > Self.maximumBytes, let first = self.lines.popFirst()
        {
            self.bytes -= first.utf8.count
        }
    }
}
