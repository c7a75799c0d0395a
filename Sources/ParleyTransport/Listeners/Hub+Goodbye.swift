package import NIOCore
package import ParleyHub

extension Hub {
    /// Tells every client goodbye, and waits until all are gone.
    /// - Parameters:
    ///   - grace: As long as that.
    ///   - connectionCount: How many are left.
    package func sayGoodbye(within grace: TimeAmount, connectionCount: () -> Int) async {
        _ = try? await self.collect { shard in
            shard.forEachConnection { $0.delegate?.shutDown() }
        }
        let deadline = NIODeadline.now() + grace
        while connectionCount() > 0, NIODeadline.now() < deadline {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
