import EngineIO
import NIOCore
import NIOEmbedded
import ParleyModel
import Testing

@testable import ParleyHub
@testable import ParleySocketIO

@Suite("A poll that is held")
struct HeldPollTests {
    @Test(
        "The end of a request ends the session if that holds its poll, and not if it has been answered and another is held"
    )
    func dropped() throws {
        let loop = EmbeddedEventLoop()
        let application = EngineIOServer(SocketIOConfiguration()) { _ in }
        var configuration = HubConfiguration(wallTime: { WallTime(milliseconds: 0) })
        let formats = SocketIOFormats(
            in: &configuration.formats,
            dialect: .socketIO,
            configuration: application.configuration
        )
        let hub = Hub(configuration: configuration, embedded: [loop])
        let host = EngineHost(
            application,
            site: Site(hub: hub, formats: formats, dialect: .socketIO),
            wallTime: { WallTime(milliseconds: 0) },
            places: PollingPlaces(maximum: 0, maximumPerAddress: 0),
            ledger: MemoryLedger(maximumBytes: 1 << 20),
            refused: { _ in },
            connectRefused: { _ in }
        )
        let request = ConnectionRequest(
            method: "GET",
            url: "/engine.io/?EIO=4&transport=polling",
            headers: [],
            remoteAddress: nil,
            isSecure: false,
            time: WallTime(milliseconds: 0)
        )
        let connection = EngineConnection(
            host: host,
            shard: hub.shard(on: loop),
            request: request,
            sessionID: "x",
            driver: nil,
            place: nil
        )
        #expect(connection.open())
        hub.shard(on: loop).flushNotes()
        _ = connection.takeHandshake()
        let (first, second) = (ExchangeID(shard: 0, number: 1), ExchangeID(shard: 0, number: 2))
        connection.poll(for: first)
        #expect(connection.heldPoll == first)
        connection.send(.message, ByteBuffer(string: "hello"))
        loop.run()
        #expect(connection.heldPoll == nil)
        connection.poll(for: second)
        connection.pollDropped(first)
        #expect(connection.heldPoll == second)
        #expect(connection.session.isOpen)
        connection.pollDropped(second)
        #expect(!connection.session.isOpen)
    }
}
