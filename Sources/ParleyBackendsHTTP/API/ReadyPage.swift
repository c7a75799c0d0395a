internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ParleyBackends
internal import ParleyHTTP
internal import ParleyModel

/// `/ready/<id>/<token>/`: an address that a person can open, which leads to the backend as soon as it is ready.
struct ReadyPage: Sendable {
    let api: BackendsAPI

    func register(on router: Router<APIContext>) {
        router.get("ready/:id/:token") { request, context in self.respond(request, context) }
    }

    private func respond(_ request: Request, _ context: APIContext) -> Response {
        let services = self.api.services
        guard let id = try? BackendsAPI.backend(context), let token = context.parameters.get("token"),
            let route = services.supervisor.route(token), route.backend == id,
            let state = try? services.supervisor.info(id).state, state.status.isServing
        else { return Self.page(.gone, "<p>This session has ended.</p>") }
        let authority = request.head.authority ?? ""
        let url = services.url(of: route, authority)
        guard state.status != .ready else { return Response(status: .found, headers: [.location: url]) }
        // Both are made of characters that need no escaping here.
        let stream = "\(services.apiURL(authority))/v2/backend/\(id)/status/stream"
        return Self.page(
            .ok,
            """
            <p id="text">Starting&hellip;</p>
            <noscript><p><a href="\(url)">Open it</a></p></noscript>
            <script>
            const states = new EventSource("\(stream)")
            states.onmessage = (event) => {
              const { status } = JSON.parse(event.data)
              if (status === "ready") location.replace("\(url)")
              if (status.includes("terminat")) {
                states.close()
                document.getElementById("text").textContent = "This session has ended."
              }
            }
            </script>
            """
        )
    }

    private static func page(_ status: HTTPResponse.Status, _ body: String) -> Response {
        let html = """
            <!doctype html>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <title>Session</title>
            \(body)

            """
        return Response(
            status: status,
            headers: [.contentType: "text/html; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: html))
        )
    }
}
