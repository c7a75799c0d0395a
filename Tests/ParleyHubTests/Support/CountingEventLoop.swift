import Dispatch
import NIOCore
import NIOEmbedded

/// An embedded loop that counts the tasks handed to it. Used on one thread only, like the loop that it wraps.
final class CountingEventLoop: EventLoop, @unchecked Sendable {
    private let loop = EmbeddedEventLoop()
    private(set) var taskCount = 0

    var inEventLoop: Bool { self.loop.inEventLoop }
    var now: NIODeadline { self.loop.now }

    func execute(_ task: @escaping @Sendable () -> Void) {
        self.taskCount += 1
        self.loop.execute(task)
    }

    func submit<T>(_ task: @escaping @Sendable () throws -> T) -> EventLoopFuture<T> { self.loop.submit(task) }

    func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        self.loop.scheduleTask(deadline: deadline, task)
    }

    func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        self.loop.scheduleTask(in: delay, task)
    }

    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        self.loop.shutdownGracefully(queue: queue, callback)
    }

    func run() { self.loop.run() }
    func advance(by time: TimeAmount) { self.loop.advanceTime(by: time) }
}
