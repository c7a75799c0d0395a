internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// Server-sent events, each in one write: some clients look for line ends in every piece that they read, and do not put
/// pieces together.
struct EventStream: Sendable {
    /// Proxies close what is silent for long.
    static let keepAliveInterval = Duration.seconds(15)

    private enum Item: Sendable {
        case event(ByteBuffer)
        case keepAlive
    }

    /// - Parameters:
    ///   - keepAlive: What is written when nothing was for a while.
    ///   - event: The bytes of an event, with the empty line at its end; `nil`: none.
    static func response<Element: Sendable>(
        _ elements: AsyncStream<Element>,
        keepAlive: StaticString,
        event: @escaping @Sendable (Element) -> ByteBuffer?
    ) -> Response {
        var headers = BackendsAPI.openToAll
        headers[.contentType] = "text/event-stream"
        headers[.cacheControl] = "no-store"
        let body = ResponseBody { writer in
            let (items, item) = AsyncStream.makeStream(of: Item.self, bufferingPolicy: .bufferingNewest(2048))
            let pump = Task {
                for await element in elements { if let bytes = event(element) { item.yield(.event(bytes)) } }
                item.finish()
            }
            let clock = Task {
                while (try? await Task.sleep(for: Self.keepAliveInterval)) != nil { item.yield(.keepAlive) }
            }
            defer {
                pump.cancel()
                clock.cancel()
            }
            for await item in items {
                switch item {
                case .event(let bytes): try await writer.write(bytes)
                case .keepAlive: try await writer.write(ByteBuffer(staticString: keepAlive))
                }
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    /// One event whose data is `text`, which has no line ends.
    static func data(_ text: ByteBuffer) -> ByteBuffer {
        var bytes = ByteBuffer(string: "data: ")
        bytes.writeImmutableBuffer(text)
        bytes.writeStaticString("\n\n")
        return bytes
    }
}
