internal import Hummingbird
internal import NIOCore
internal import ParleyBackends
internal import ParleyHTTP
internal import ParleyModel

/// What is said of a backend to those who may know everything about it.
extension BackendsAPI {
    /// - Parameter isForOperator: Whether to say also where it runs and who is connected.
    func describe(_ backend: BackendInfo, isForOperator: Bool = false) -> ByteBuffer {
        JSONObjectWriter.object { writer in
            self.write(backend, to: &writer)
            let states = zip(backend.states, [nil] + backend.states.dropLast().map(Optional.some))
            writer.write("statuses", json: BackendJSON.array(states.map { BackendJSON.ownState($0, after: $1) }))
            writer.write("image_digest", "")
            writer.write("key", backend.key.name)
            if let environment = backend.service?.environment { writer.write("environment_name", environment) }
            if let limit = backend.memoryLimitBytes { writer.write("max_mem_bytes", limit) }
            if isForOperator { Self.writePlace(of: backend, to: &writer) }
        }
    }

    private func write(_ backend: BackendInfo, to writer: inout JSONObjectWriter) {
        writer.write("id", backend.id.text)
        writer.write("created_at", backend.createdAt.iso8601)
        writer.write("service_name", backend.service?.service ?? "")
        writer.write("cluster_name", self.services.clusterName)
        writer.write("account_name", backend.service?.account ?? "")
    }

    private static func writePlace(of backend: BackendInfo, to writer: inout JSONObjectWriter) {
        writer.write("node", backend.node)
        writer.write("connections", backend.openConnections)
    }

    func listBackends(_ request: Request, _ context: APIContext) throws(BackendFailure) -> Response {
        let account = try Self.account(context)
        try self.authorize(request, for: account)
        return .json(self.list(of: account), headers: Self.openToAll)
    }

    /// Those that are not at their end, of an account; in development everybody's.
    func list(of account: String) -> ByteBuffer {
        let isDevelopment = self.services.catalogue.mode == .development
        let backends = self.services.supervisor.live().filter {
            isDevelopment || $0.service?.account.hasSameBytes(as: account) == true
        }
        return JSONObjectWriter.object { $0.write("running_backends", json: self.list(backends)) }
    }

    /// An array of short descriptions.
    func list(_ backends: [BackendInfo], isForOperator: Bool = false) -> ByteBuffer {
        BackendJSON.array(
            backends.map { backend in
                JSONObjectWriter.object { writer in
                    self.write(backend, to: &writer)
                    if isForOperator {
                        writer.write("status", backend.state.status.rawValue)
                        Self.writePlace(of: backend, to: &writer)
                    } else {
                        // The command line wants the whole state here.
                        writer.write("status", json: BackendJSON.ownState(backend.state, after: nil))
                    }
                    writer.write("key", backend.key.name)
                }
            }
        )
    }

    /// Its output, a line an event.
    func outputStream(of id: BackendID) throws(BackendFailure) -> Response {
        let lines = try self.services.supervisor.output(of: id)
        let permit = try self.services.streamLimits.take(.output, of: id)
        return EventStream.response(lines, keepAlive: "\n", permit: permit) {
            // By bytes: a carriage return with an accent behind it is another character to Swift, and a line end to clients.
            EventStream.data(ByteBuffer(bytes: $0.utf8.split(separator: 0x0D).joined(separator: CollectionOfOne(0x20))))
        }
    }

    /// What it uses.
    func useStream(of id: BackendID) throws(BackendFailure) -> Response {
        let permit = try self.services.streamLimits.take(.use, of: id)
        return EventStream.response(try self.use(of: id), keepAlive: "\n", permit: permit) { EventStream.data($0) }
    }

    /// What a backend uses, now and every ten seconds; times since the message before, or since it was made.
    private func use(of id: BackendID) throws(BackendFailure) -> AsyncStream<ByteBuffer> {
        let info = try self.services.supervisor.info(id)
        let (stream, feed) = AsyncStream.makeStream(of: ByteBuffer.self, bufferingPolicy: .bufferingNewest(2))
        let services = self.services
        let measuring = Task {
            var last: ResourceUse?
            while !Task.isCancelled, let now = await services.supervisor.use(of: id) {
                let before = last ?? now.atBeginning(since: info.createdAt, now: services.wallTime())
                feed.yield(Self.difference(now, before, of: id, in: services.clusterName))
                last = now
                try? await Task.sleep(for: .seconds(10))
            }
            feed.finish()
        }
        feed.onTermination = { _ in measuring.cancel() }
        return stream
    }

    private static func difference(
        _ now: ResourceUse,
        _ before: ResourceUse,
        of id: BackendID,
        in cluster: String
    ) -> ByteBuffer {
        JSONObjectWriter.object { writer in
            writer.write("cluster", cluster)
            writer.write("backend_id", id.text)
            writer.write("mem_used", now.memoryUsed)
            writer.write("mem_available", now.memoryAvailable)
            writer.write("cpu_used", max(0, now.processorTime - before.processorTime))
            writer.write("sys_cpu", max(0, now.machineProcessorTime - before.machineProcessorTime))
        }
    }
}

extension ResourceUse {
    /// What it was when the backend was made.
    fileprivate func atBeginning(since start: WallTime, now: WallTime) -> ResourceUse {
        let elapsed = Int(max(0, now.milliseconds - start.milliseconds)) * 1_000_000
        var use = self
        use.processorTime = 0
        use.machineProcessorTime -= elapsed * System.coreCount
        return use
    }
}
