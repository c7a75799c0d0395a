// One `ws` connection to the URL in argv. Each stdin line is an order, each stdout line an event, both JSON.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url); // unlike `import`, it honours NODE_PATH
const { WebSocket } = require("ws");

const socket = new WebSocket(process.argv[2]);
const tell = (event) => process.stdout.write(JSON.stringify(event) + "\n");

socket.on("open", () => tell({ event: "open" }));
socket.on("message", (data, isBinary) =>
  tell(isBinary ? { event: "message", binary: data.toString("base64") } : { event: "message", text: data.toString() }),
);
socket.on("close", (code, reason) => {
  tell({ event: "close", code, reason: reason.toString() });
  process.exit(0);
});
socket.on("unexpected-response", (_, response) => tell({ event: "refused", status: response.statusCode }));
socket.on("error", (error) => console.error(error.message));

createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  if ("text" in order) socket.send(order.text);
  if ("binary" in order) socket.send(Buffer.from(order.binary, "base64"));
  if ("close" in order) socket.close(order.close);
});
