internal import Foundation

/// Random numbers fit for secrets, asked of the system several at a time: each question is a system call.
struct PooledRandom: RandomNumberGenerator, Sendable {
    private static let poolSize = 32
    private var pool: [UInt64] = []

    mutating func next() -> UInt64 {
        if self.pool.isEmpty { self.fill() }
        return self.pool.removeLast()
    }

    private mutating func fill() {
        var words = [UInt64](repeating: 0, count: Self.poolSize)
        let isFilled = words.withUnsafeMutableBytes { bytes in
            // At most 256 bytes at a time (getentropy(3)).
            bytes.baseAddress.map { getentropy($0, bytes.count) == 0 } ?? false
        }
        if !isFilled {
            var system = SystemRandomNumberGenerator()
            for index in words.indices { words[index] = system.next() }
        }
        self.pool = words
    }
}
