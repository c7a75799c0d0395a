internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Server-sent events, each in one write: some clients look for line ends in every piece that they read, and do not put
/// pieces together.
struct EventStream: Sendable {
    /// Proxies close what is silent for long.
    static let keepAliveInterval = Duration.seconds(15)

    /// - Parameters:
    ///   - keepAlive: What is written when nothing was for a while.
    ///   - permit: Given back when the stream is over.
    ///   - event: The bytes of an event, with the empty line at its end; `nil`: none.
    static func response<Elements: AsyncSequence & Sendable>(
        _ elements: Elements,
        keepAlive: StaticString,
        permit: StreamPermit,
        event: @escaping @Sendable (Elements.Element) -> ByteBuffer?
    ) -> Response where Elements.Failure == Never {
        var headers = BackendsAPI.openToAll
        headers[.contentType] = "text/event-stream"
        headers[.cacheControl] = "no-store"
        let body = ResponseBody { writer in
            defer { withExtendedLifetime(permit) {} }
            let next = Rendezvous()
            let pump = Task {
                // One at a time: what a slow client does not take waits where it is bounded.
                for await element in elements {
                    guard let bytes = event(element) else { continue }
                    guard await next.put(bytes) else { return }
                }
                next.finish()
            }
            let clock = Task {
                while (try? await Task.sleep(for: Self.keepAliveInterval)) != nil {
                    next.offer(ByteBuffer(staticString: keepAlive))
                }
            }
            defer {
                next.finish()
                pump.cancel()
                clock.cancel()
            }
            // The head goes at once, however long nothing happens: its client knows by it that somebody listens.
            try await writer.write(ByteBuffer())
            while let bytes = await next.take() { try await writer.write(bytes) }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    /// One event whose data is `text`. Neither that nor `id` has line ends.
    static func data(_ text: ByteBuffer, id: String? = nil) -> ByteBuffer {
        var bytes = ByteBuffer(string: "data: ")
        bytes.writeImmutableBuffer(text)
        if let id { bytes.writeString("\nid: \(id)") }
        bytes.writeStaticString("\n\n")
        return bytes
    }
}
