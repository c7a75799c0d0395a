import NIOCore
import NIOHTTP1
import ParleyModel
import Testing

@testable import ParleyTransport

@Suite struct FrontDoorMachineTests {
    typealias Action = FrontDoorMachine.Action

    /// Something that happens, in the words of a table.
    enum Event: Sendable {
        case head(HTTPRequestHead)
        case body(Int)
        case end
        case failed(Refusal)
        case inputClosed
        case routed(Destination)
        case admitted
        case refused(Refusal)
        case answered(ExchangeAnswer)
        case responseBegan(isStreamingEvents: Bool)
        case responseEnded
        case proxyPaused(Bool)
        case proxyEnded(keepsAlive: Bool)
        case lastWritten
        case left
        case writable(Bool)
        case readRequested
        case readCompleted
        case decoderRenewed
        case turnCame
        case draining
        /// Seconds that go by.
        case seconds(Int64)
        /// The timer, as somebody has begun to say something, or has not taken everything.
        case deadline(partialHead: Bool, pendingOutput: Bool)
    }

    /// What happens, and all that is to be done about it.
    struct Step: Sendable {
        let event: Event
        let actions: [Action]

        init(_ event: Event, _ actions: Action...) {
            self.event = event
            self.actions = actions
        }
    }

    struct Conversation: Sendable, CustomTestStringConvertible {
        let name: String
        let steps: [Step]
        var testDescription: String { self.name }

        init(_ name: String, _ steps: Step...) {
            self.name = name
            self.steps = steps
        }
    }

    /// The machine and the time.
    struct Driver {
        var moment = FrontDoorMachine.Moment(now: .uptimeNanoseconds(0))
        var machine = FrontDoorMachine(
            patience: FrontDoorMachine.Patience(head: .seconds(10), body: .seconds(30)),
            now: .uptimeNanoseconds(0)
        )

        /// Tells of `event`, and takes all that is to be done about it.
        mutating func tell(_ event: Event) -> [Action] {
            var actions: [Action] = []
            switch event {
            case .head(let head): self.machine.received(.part(.head(head)), at: self.moment)
            case .body(let count):
                self.machine.received(.part(.body(ByteBuffer(repeating: 0x61, count: count))), at: self.moment)
            case .end: self.machine.received(.part(.end(nil)), at: self.moment)
            case .failed(let refusal): self.machine.received(.failed(refusal), at: self.moment)
            case .inputClosed: self.machine.received(.inputClosed, at: self.moment)
            case .routed(let destination): self.machine.routed(to: destination, at: self.moment)
            case .admitted: self.machine.admitted(at: self.moment)
            case .refused(let refusal): self.machine.failed(refusal)
            case .answered(let answer): self.machine.answered(answer, at: self.moment)
            case .responseBegan(let isStreamingEvents):
                self.machine.responseBegan(isStreamingEvents: isStreamingEvents)
            case .responseEnded: self.machine.responseEnded(at: self.moment)
            case .proxyPaused(let isPaused): self.machine.proxyPaused(isPaused)
            case .proxyEnded(let keepsAlive): self.machine.proxyEnded(keepsAlive: keepsAlive, at: self.moment)
            case .lastWritten: self.machine.lastWritten(at: self.moment)
            case .left: self.machine.left()
            case .writable(let isWritable): self.machine.writabilityChanged(to: isWritable)
            case .readRequested: if self.machine.readRequested() { actions.append(.read) }
            case .readCompleted: self.machine.readCompleted()
            case .decoderRenewed: self.machine.decoderRenewed()
            case .turnCame: self.machine.turnCame()
            case .draining: self.moment.isDraining = true
            case .seconds(let seconds): self.moment.now = self.moment.now + .seconds(seconds)
            case .deadline(let partialHead, let pendingOutput):
                self.machine.deadlineReached(
                    at: self.moment,
                    hasPartialHead: partialHead,
                    hasPendingOutput: pendingOutput
                )
            }
            while let action = self.machine.next(at: self.moment) { actions.append(action) }
            return actions
        }

        mutating func expect(_ event: Event, _ actions: [Action], _ place: String = "") {
            let told = self.tell(event)
            #expect(told == actions, "\(place) \(event)")
        }
    }

    // MARK: Words of the tables

    static func head(
        _ path: String = "/",
        _ method: HTTPMethod = .GET,
        version: HTTPVersion = .http1_1,
        headers: HTTPHeaders = [:]
    ) -> HTTPRequestHead {
        var headers = headers
        headers.add(name: "Host", value: "a.test")
        return HTTPRequestHead(version: version, method: method, uri: path, headers: headers)
    }

    static let get = Self.head()
    /// With a body of five bytes.
    static let post = Self.head("/", .POST, headers: ["Content-Length": "5"])
    static let chunked = Self.head("/", .POST, headers: ["Transfer-Encoding": "chunked"])
    static let api = Event.routed(.api(maximumBodyBytes: nil))
    static let proxy = Event.routed(.proxy(isUpgrade: false))
    static let answer = ExchangeAnswer(status: .ok, headers: [:], body: ByteBuffer(string: "ok"), closes: false)
    static let lastAnswer = ExchangeAnswer(status: .ok, headers: [:], body: ByteBuffer(), closes: true)
    static let timer = Event.deadline(partialHead: false, pendingOutput: false)
    static let refusal = Refusal.badRequest

    static func respond(_ head: HTTPRequestHead, body: Int = 0, refusal: Refusal? = nil) -> Action {
        .respond(head, body: ByteBuffer(repeating: 0x61, count: body), refusal: refusal)
    }

    static func refuse(_ refusal: Refusal, isHead: Bool = false, _ head: HTTPRequestHead? = nil) -> Action {
        .refuse(refusal, isHead: isHead, head: head)
    }

    /// A request without a body, until its answer is made.
    static let getSteps = [Step(.head(get), .route(get)), Step(api), Step(.end, respond(get))]

    @Test(
        "The front door decides by what has come and what is written",
        arguments: [
            answers, bodies, expectations, upgrades, parserStops, exchanges, proxies, tunnels, garbage, ends, streams,
            unread, deadlines,
        ].flatMap { $0 }
    )
    func conversation(_ conversation: Conversation) {
        var driver = Driver()
        for (number, step) in conversation.steps.enumerated() {
            driver.expect(step.event, step.actions, "step \(number + 1)")
        }
    }
}

// MARK: Fairness

extension FrontDoorMachineTests {
    @Test("However many requests come at once, they are answered one after another, a share in each turn")
    func pipeline() {
        let total = 5000
        var driver = Driver()
        _ = driver.tell(.head(Self.get))
        // All of them, before the first is routed.
        driver.machine.received(.part(.end(nil)), at: driver.moment)
        for _ in 1..<total {
            driver.machine.received(.part(.head(Self.get)), at: driver.moment)
            driver.machine.received(.part(.end(nil)), at: driver.moment)
        }
        let mayRead = driver.machine.readRequested()
        #expect(!mayRead)
        #expect(driver.machine.waitingBytes > (total - 1) * 512)

        driver.machine.routed(to: .api(maximumBodyBytes: nil), at: driver.moment)
        var answered = 0
        var turns: [Int] = []
        var answeredBefore = 0
        while let action = driver.machine.next(at: driver.moment) {
            switch action {
            case .route:
                driver.machine.routed(to: .api(maximumBodyBytes: nil), at: driver.moment)
            case .respond:
                // At once, from within what is done.
                driver.machine.responseBegan()
                driver.machine.responseEnded(at: driver.moment)
                answered += 1
            case .waitForTurn:
                turns.append(answered - answeredBefore)
                answeredBefore = answered
                let next = driver.machine.next(at: driver.moment)
                #expect(next == nil)
                driver.machine.turnCame()
            case .expectHead, .read:
                break
            default:
                Issue.record("not expected: \(action)")
            }
        }
        #expect(answered == total)
        #expect(turns.count == total / FrontDoorMachine.maximumRequestsInTurn)
        #expect(turns.allSatisfy { $0 == FrontDoorMachine.maximumRequestsInTurn })
        #expect(driver.machine.waitingBytes == 0)
        #expect(!driver.machine.isReadHeld)
    }

    @Test("A share that is used up exactly holds the next read until it is a new one")
    func exactShare() {
        var driver = Driver()
        for _ in 0..<FrontDoorMachine.maximumRequestsInTurn {
            for step in Self.getSteps { _ = driver.tell(step.event) }
            driver.expect(.responseEnded, [.expectHead])
        }
        driver.expect(.readRequested, [.waitForTurn])
        // The end of the read that brought them is no new share for who waits for one.
        driver.expect(.readCompleted, [])
        driver.expect(.head(Self.get), [])
        driver.expect(.turnCame, [.route(Self.get), .read])
    }

    @Test("Requests that come in reads of their own never wait for a turn")
    func separateReads() {
        var driver = Driver()
        for _ in 0..<100 {
            for step in Self.getSteps { driver.expect(step.event, step.actions) }
            driver.expect(.responseEnded, [.expectHead])
            driver.expect(.readCompleted, [])
            driver.expect(.readRequested, [.read])
        }
    }
}
