/// The pages at `/api-docs`. Both read the document beside them; neither needs anything from elsewhere.
enum DocumentationPage {
    /// Swagger UI, where its files are configured.
    static let swaggerUI = """
        <!doctype html>
        <html lang="en">
        <head><meta charset="utf-8"><title>API documentation</title><link rel="stylesheet" href="/api-docs/swagger-ui.css"></head>
        <body>
        <div id="ui"></div>
        <script src="/api-docs/swagger-ui-bundle.js"></script>
        <script>SwaggerUIBundle({ url: "/api-docs/json", dom_id: "#ui" });</script>
        </body>
        </html>
        """

    /// A page of our own.
    static let own = """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>API documentation</title>
        <style>
        :root { color-scheme: light dark; }
        body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
        details { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: .5rem; margin: .5rem 0; padding: .5rem 1rem; }
        summary { cursor: pointer; }
        code { font-family: ui-monospace, monospace; }
        .method { display: inline-block; min-width: 3.5rem; font-weight: 700; text-transform: uppercase; }
        .get { color: #0a7d33; } .post { color: #1a5fb4; }
        td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
        </style>
        </head>
        <body>
        <h1 id="title">API documentation</h1>
        <p id="description"></p>
        <div id="routes"></div>
        <h2>Events</h2>
        <p>Sent by clients:</p><ul id="client"></ul>
        <p>Sent by the server:</p><ul id="server"></ul>
        <p><a href="/api-docs/json">The OpenAPI document</a></p>
        <script>
        const make = (name, text, parent) => { const e = document.createElement(name); e.textContent = text; parent.append(e); return e; };
        const rows = (parent, pairs) => { const t = make("table", "", parent); for (const p of pairs) { const r = make("tr", "", t); p.forEach(c => make("td", c, r)); } };
        // Of the origin: the page's own address may have a password in it, which fetch refuses.
        fetch(location.origin + "/api-docs/json", { credentials: "same-origin" }).then(r => r.json()).then(doc => {
          document.title = doc.info.title;
          document.getElementById("title").textContent = `${doc.info.title} ${doc.info.version}`;
          document.getElementById("description").textContent = doc.info.description;
          for (const [path, methods] of Object.entries(doc.paths)) for (const [method, route] of Object.entries(methods)) {
            const box = make("details", "", document.getElementById("routes"));
            const head = make("summary", "", box);
            make("span", method, head).className = `method ${method}`;
            make("code", path, head);
            make("span", ` ${route.summary}`, head);
            if (route.security) make("p", `Needs: ${route.security.flatMap(Object.keys).join(" or ")}`, box);
            const schema = route.requestBody?.content["application/json"].schema;
            if (schema) {
              make("p", "Body:", box);
              rows(box, Object.entries(schema.properties).map(([n, s]) => [n, s.type ?? "any", (schema.required ?? []).includes(n) ? "required" : ""]));
            }
            make("p", "Answers:", box);
            rows(box, Object.entries(route.responses).map(([s, r]) => [s, r.description]));
          }
          for (const side of ["client", "server"]) for (const event of doc["x-events"][side]) make("li", event, document.getElementById(side));
        });
        </script>
        </body>
        </html>
        """
}
