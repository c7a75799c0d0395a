import Foundation
import Logging
import NIOCore
import NIOEmbedded
import NIOPosix
import Synchronization
import Testing

@testable import ParleyTransport

@Suite struct AcceptPauseTests {
    private let start = NIODeadline.uptimeNanoseconds(0)

    @Test("Pauses grow up to their longest, and begin anew when all was well for a while")
    func growth() {
        var pause = AcceptPause()
        var now = self.start
        for (number, milliseconds) in [100, 200, 400, 500, 500].enumerated() {
            #expect(pause.failed(now: now) == .pause(.milliseconds(Int64(milliseconds)), isFirst: number == 0))
            now = now + .milliseconds(Int64(milliseconds))
        }
        #expect(pause.isOver(now: now) == false)
        #expect(pause.accepted() == .lookAgain(at: now - .milliseconds(500) + AcceptPause.quiet))
        #expect(pause.isOver(now: now + AcceptPause.quiet) == true)
        #expect(pause.isOver(now: now + AcceptPause.quiet) == false)
        #expect(pause.accepted() == .none)
        #expect(pause.failed(now: now) == .pause(AcceptPause.shortest, isFirst: true))
    }

    /// A listener without a socket, and what was said of it.
    private struct Listener {
        let channel = EmbeddedChannel()
        let log = RecordedLog()
        let trouble: AcceptTrouble

        init() throws {
            self.trouble = AcceptTrouble(logger: self.log.logger)
            try self.channel.pipeline.syncOperations.addHandler(AcceptPauseHandler(self.trouble))
        }

        func fails(_ code: CInt = EMFILE) {
            self.channel.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
        }

        /// A channel without a socket keeps its options, and acts on none.
        var reads: Bool {
            self.channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool ?? true
        }
    }

    @Test(
        "A listener without descriptors stops accepting for a while, says so once, and goes on",
        arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM]
    )
    func pauses(code: CInt) throws {
        let listener = try Listener()
        #expect(listener.reads)
        for _ in 0..<20 {
            listener.fails(code)
            #expect(!listener.reads)
            listener.channel.embeddedEventLoop.advanceTime(by: AcceptPause.longest)
            #expect(listener.reads)
        }
        #expect(listener.log.levels == [.error])
        #expect(listener.trouble.count == 20)
        listener.channel.pipeline.fireChannelRead(EmbeddedChannel() as any Channel)
        listener.channel.embeddedEventLoop.advanceTime(by: AcceptPause.quiet)
        #expect(listener.log.levels == [.error, .notice])
        listener.channel.pipeline.fireChannelRead(EmbeddedChannel() as any Channel)
        listener.channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(listener.log.levels == [.error, .notice])
    }

    @Test("An accept between failures does not end the trouble")
    func between() throws {
        let listener = try Listener()
        for _ in 0..<5 {
            listener.fails()
            listener.channel.embeddedEventLoop.advanceTime(by: .milliseconds(500))
            listener.channel.pipeline.fireChannelRead(EmbeddedChannel() as any Channel)
            listener.channel.embeddedEventLoop.advanceTime(by: .milliseconds(400))
        }
        #expect(listener.log.levels == [.error])
    }

    @Test("What happened to one connection pauses nobody", arguments: [ECONNABORTED, EPROTO])
    func others(code: CInt) throws {
        let listener = try Listener()
        listener.fails(code)
        #expect(listener.reads)
        #expect(throws: IOError.self) { try listener.channel.throwIfErrorCaught() }
        #expect(listener.log.levels.isEmpty)
    }

    @Test("Listeners of a process begin and end their trouble together")
    func several() throws {
        let log = RecordedLog()
        let trouble = AcceptTrouble(logger: log.logger)
        trouble.failed(EMFILE, isFirst: true)
        trouble.failed(EMFILE, isFirst: true)
        trouble.isOver()
        #expect(log.levels == [.error])
        trouble.isOver()
        #expect(log.levels == [.error, .notice])
    }

    @Test("A listener that closes while it waits waits no more")
    func closing() throws {
        let listener = try Listener()
        listener.fails()
        listener.channel.pipeline.fireChannelInactive()
        listener.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!listener.reads)
    }
}
