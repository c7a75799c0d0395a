internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ParleyBackends
internal import ParleyHTTP
internal import ParleyModel

/// How backends and failures look on the wire.
enum BackendJSON {
    /// A state as anybody may see it. Absent values are left out: the libraries refuse nulls here.
    static func publicState(_ state: BackendState) -> ByteBuffer {
        JSONObjectWriter.object { writer in
            writer.write("status", state.status.rawValue)
            writer.write("time", state.time.iso8601)
            if let reason = state.reason { writer.write("termination_reason", reason.rawValue) }
            if state.status == .terminated {
                if let kind = state.kind { writer.write("termination_kind", kind.rawValue) }
                writer.write("exit_error", state.isExitError)
            }
        }
    }

    /// A state as the owner sees it.
    static func ownState(_ state: BackendState, after previous: BackendState?) -> ByteBuffer {
        JSONObjectWriter.object { writer in
            writer.write("status", state.status.rawValue)
            writer.write("time", state.time.iso8601)
            if let reason = state.reason { writer.write("termination_reason", reason.rawValue) }
            guard state.status == .terminated else { return }
            if let kind = state.kind { writer.write("termination_kind", kind.rawValue) }
            if let code = state.exitCode { writer.write("exit_code", code) }
            if let previous { writer.write("last_status", previous.status.rawValue) }
        }
    }

    /// A state as Plane's clients read it: times are numbers, and endings say of which kind they are.
    static func planeState(_ state: BackendState) -> ByteBuffer {
        JSONObjectWriter.object { writer in
            writer.write("status", state.status.rawValue)
            writer.write("time", Int(state.time.milliseconds))
            if let reason = state.reason { writer.write("termination_reason", reason.rawValue) }
            if let kind = state.kind { writer.write("termination_kind", kind.rawValue) }
            if state.status == .terminated { writer.write("exit_error", state.isExitError) }
        }
    }

    /// A state of the first API.
    static func oldState(_ state: OldBackendState, of backend: BackendID) -> ByteBuffer {
        JSONObjectWriter.object { writer in
            writer.write("state", state.name.rawValue)
            writer.write("time", state.time.iso8601)
            writer.write("backend", backend.text)
        }
    }

    static func array(_ elements: [ByteBuffer]) -> ByteBuffer {
        var buffer = ByteBuffer(string: "[")
        for (index, element) in elements.enumerated() {
            if index > 0 { buffer.writeString(",") }
            buffer.writeImmutableBuffer(element)
        }
        buffer.writeString("]")
        return buffer
    }
}

/// A state in the words of the first API (v1). Source: docs/session-backends.md, "v1".
struct OldBackendState: Sendable, Hashable {
    enum Name: String, Sendable {
        case loading = "Loading"
        case starting = "Starting"
        case ready = "Ready"
        case terminated = "Terminated"
        case swept = "Swept"
        case lost = "Lost"
        case errorLoading = "ErrorLoading"
        case errorStarting = "ErrorStarting"
        case timedOutBeforeReady = "TimedOutBeforeReady"
        case exited = "Exited"
        case failed = "Failed"
    }

    let name: Name
    let time: WallTime

    /// - Parameter lastLive: The last state before any ending.
    init(_ state: BackendState, lastLive: BackendStatus) {
        self.time = state.time
        self.name = state.status == .terminated ? Self.end(state, lastLive) : Self.live(state.status)
    }

    /// The word for a backend that has not ended.
    static func live(_ status: BackendStatus) -> Name {
        switch status {
        case .scheduled, .loading: .loading
        case .starting, .waiting: .starting
        case .ready, .terminating, .hardTerminating, .terminated: .ready
        }
    }

    private static func end(_ state: BackendState, _ lastLive: BackendStatus) -> Name {
        switch (state.reason, lastLive) {
        case (.external, _): return .terminated
        case (.swept, _), (.keyExpired, _): return .swept
        case (.lost, _), (.internalError, _): return .lost
        case (_, .scheduled), (_, .loading): return .errorLoading
        case (_, .starting): return .errorStarting
        case (.startupTimeout, .waiting): return .timedOutBeforeReady
        case (_, .waiting): return .errorStarting
        default: return state.isExitError ? .failed : .exited
        }
    }

    /// The states of a backend, repeats left out.
    static func history(_ states: [BackendState]) -> [OldBackendState] {
        var lastLive = BackendStatus.scheduled
        var history: [OldBackendState] = []
        for state in states {
            if state.status.isServing { lastLive = state.status }
            let old = OldBackendState(state, lastLive: lastLive)
            if history.last?.name != old.name { history.append(old) }
        }
        return history
    }
}

extension BackendFailure {
    /// The answer of `/v2` and `/v1`.
    /// - Parameter id: Also logged, so that a report can be found.
    func response(id: String) -> Response {
        .json(
            .init(code: self.status),
            JSONObjectWriter.object { writer in
                writer.write(
                    "error",
                    object: { error in
                        error.write("message", self.text)
                        error.write("status", self.status)
                        error.write("code", self.code)
                        error.write("id", id)
                    }
                )
            },
            headers: self.fields
        )
    }

    private var fields: HTTPFields {
        var fields = BackendsAPI.openToAll
        if let retryAfter = self.retryAfter { fields[.retryAfter] = "\(retryAfter)" }
        return fields
    }

    /// The answer of `/ctrl` and `/pub`.
    func planeResponse(id: String) -> Response {
        .json(
            .init(code: self.planeStatus),
            JSONObjectWriter.object { writer in
                writer.write("id", id)
                writer.write("kind", self.kind)
                writer.write("message", self.text)
            },
            headers: self.fields
        )
    }
}
