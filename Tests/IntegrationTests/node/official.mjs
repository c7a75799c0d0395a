// The official Socket.IO client, made for browsers, in Node. argv: the client's file.
// Each stdin line is an order, each stdout line a result, both JSON.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { XMLHttpRequest, FileReader } from "./xmlhttprequest.mjs";
import { run } from "./scenarios.mjs";

const require = createRequire(import.meta.url); // unlike `import`, it honours NODE_PATH
Object.assign(globalThis, { XMLHttpRequest, FileReader, WebSocket: require("ws").WebSocket });
const io = require(process.argv[2]);

createInterface({ input: process.stdin }).on("line", async (line) => {
  process.stdout.write(JSON.stringify(await run(io, JSON.parse(line))) + "\n");
});
