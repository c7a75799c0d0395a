internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ParleyBackends
internal import ParleyBackendsHTTP
internal import ParleyHTTP
internal import ParleyHub
internal import ParleyModel
internal import ParleySocketIO
internal import ParleyTransport

/// What operators and orchestrators ask: is it alive, is it ready, how is it doing.
struct ObservabilityAPI: Sendable {
    let hub: Hub
    let state: ServerState
    let failures: HandshakeFailures
    let acceptTrouble: AcceptTrouble
    let ledger: MemoryLedger
    let places: PollingPlaces
    let backends: BackendSupervisor?
    let logCounts: (@Sendable () -> LogCounts)?

    func register(on router: Router<APIContext>) {
        router.get("healthz") { _, _ in Response.text(.ok, "ok\n") }
        router.get("readyz") { _, _ in
            self.state.isReady ? Response.text(.ok, "ready\n") : Response.text(.serviceUnavailable, "draining\n")
        }
        router.get("metrics") { _, _ in try await self.metrics() }
    }

    private func metrics() async throws -> Response {
        let asked = NIODeadline.now()
        let shards = try await self.hub.collect { ($0.metrics, NIODeadline.now()) }
        let total = shards.reduce(HubMetrics()) { $0 + $1.0 }
        let lag = shards.map { Double(($0.1 - asked).nanoseconds) / 1e9 }.max() ?? 0
        var page = MetricsPage()
        page.gauge(
            "parley_connections",
            "Open connections.",
            DialectName.allCases.map { (["dialect": $0.rawValue], Double(total.connections[$0] ?? 0)) }
        )
        page.gauge("parley_subscriptions", "Memberships of connections in topics.", total.subscriptions)
        page.gauge("parley_topics", "Topics with members or a retained history.", total.topics)
        page.gauge(
            "parley_history_bytes",
            "Bytes that the histories of topics hold in memory, about.",
            total.historyBytes
        )
        page.counter(
            "parley_evicted_topics_total",
            "Topics without members whose history was forgotten before its time, for want of room.",
            total.evictedTopics
        )
        page.counter(
            "parley_discarded_publications_total",
            "Messages that went out of the history of a topic with members, for want of room.",
            total.discardedPublications
        )
        page.counter("parley_publications_total", "Messages published to topics.", total.publications)
        page.counter("parley_deliveries_total", "Messages handed to subscribers.", total.deliveries)
        page.counter("parley_received_messages_total", "Messages received from clients.", total.receivedMessages)
        page.counter(
            "parley_dropped_messages_total",
            "Messages dropped without an answer, as their dialect asks.",
            total.droppedMessages
        )
        page.counter(
            "parley_received_bytes_total",
            "Bytes received from clients after the handshake.",
            total.receivedBytes
        )
        page.counter("parley_sent_bytes_total", "Bytes sent to WebSocket clients.", total.sentBytes)
        page.gauge(
            "parley_polling_sessions",
            "Sessions of Socket.IO that poll, and hold no WebSocket.",
            self.places.count
        )
        page.gauge(
            "parley_backlog_bytes",
            "Bytes in memory that wait for a client or for the rest of what it sends, in all.",
            // What was said in rooms is kept, and waits for nobody.
            self.ledger.totalBytes - self.ledger.bytes(of: .history)
        )
        page.gauge(
            "parley_waiting_bytes",
            "The same by what they wait in, and histories of topics that nobody is in.",
            MemoryLedger.Kind.allCases.map { (["kind": $0.rawValue], Double(self.ledger.bytes(of: $0))) }
        )
        page.counter(
            "parley_slow_consumer_closes_total",
            "Connections closed because they did not read.",
            total.slowConsumerCloses
        )
        page.counter(
            "parley_closes_total",
            "Connections closed by the server.",
            // Those of the table from the start.
            total.closes.merging(CloseReason.all.map { ($0.label, 0) }) { count, _ in count }.map {
                (["reason": $0.key], Double($0.value))
            }
        )
        page.counter(
            "parley_handshake_failures_total",
            "Requests refused before they became a connection.",
            self.failures.byReason.map { (["reason": $0.key], Double($0.value)) }
        )
        page.counter(
            "parley_accept_failures_total",
            "Times that no connection could be accepted, for want of descriptors or memory.",
            self.acceptTrouble.count
        )
        page.gauge(
            "parley_loop_lag_seconds",
            "How long the slowest event loop took to turn to this request.",
            [([:], lag)]
        )
        if let counts = self.backends?.counts { page.add(counts) }
        if let counts = self.logCounts?() {
            page.counter(
                "parley_log_lines_dropped_total",
                "Log lines that stderr did not take, or not in time.",
                counts.dropped
            )
            page.counter(
                "parley_log_lines_suppressed_total",
                "Log lines left out because there were too many like them.",
                counts.suppressed
            )
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: page.text))
        )
    }
}

extension MetricsPage {
    fileprivate mutating func add(_ counts: BackendCounts) {
        self.gauge(
            "parley_backends",
            "Session backends that have not ended.",
            counts.live.map { (["status": $0.key.rawValue], Double($0.value)) }
        )
        self.gauge(
            "parley_backend_connections",
            "Requests in flight to session backends, and sockets.",
            counts.connections
        )
        self.counter("parley_backends_spawned_total", "Session backends that were started.", counts.spawned)
        self.counter(
            "parley_backends_ended_total",
            "Session backends that have ended.",
            counts.ended.map { (["reason": $0.key?.rawValue ?? "exited"], Double($0.value)) }
        )
    }
}

/// Prometheus text format 0.0.4. Label values come from fixed tables: never a topic, a user or an address.
struct MetricsPage {
    private(set) var text = ""

    mutating func gauge(_ name: String, _ help: String, _ value: Int) {
        self.family(name, "gauge", help, [([:], Double(value))])
    }

    mutating func gauge(_ name: String, _ help: String, _ samples: [([String: String], Double)]) {
        self.family(name, "gauge", help, samples)
    }

    mutating func counter(_ name: String, _ help: String, _ value: Int) {
        self.family(name, "counter", help, [([:], Double(value))])
    }

    mutating func counter(_ name: String, _ help: String, _ samples: [([String: String], Double)]) {
        self.family(name, "counter", help, samples)
    }

    private mutating func family(
        _ name: String,
        _ type: String,
        _ help: String,
        _ samples: [([String: String], Double)]
    ) {
        self.text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        let lines = samples.map { labels, value in
            let list = labels.map { "\($0.key)=\"\($0.value)\"" }.sorted().joined(separator: ",")
            let number = value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
            return "\(name)\(list.isEmpty ? "" : "{\(list)}") \(number)\n"
        }
        self.text += lines.sorted().joined()
    }
}
