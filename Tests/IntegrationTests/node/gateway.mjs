// The official Socket.IO client as a user of the event gateway. argv: the client's file. stdin: orders; stdout: results; JSON lines.
import { request } from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { XMLHttpRequest, FileReader } from "./xmlhttprequest.mjs";

const require = createRequire(import.meta.url); // unlike `import`, it honours NODE_PATH
Object.assign(globalThis, { XMLHttpRequest, FileReader, WebSocket: require("ws").WebSocket });
const io = require(process.argv[2]);
const DEADLINE = 10_000;

const heard = (emitter, name) => new Promise((resolve) => emitter.once(name, (...values) => resolve(values)));

async function asks(socket, event, reply, ...data) {
  const answer = heard(socket, reply);
  socket.emit(event, ...data);
  return (await answer)[0];
}

const scenarios = {
  // Connects as the options say, waits for the upgrade if there is to be one, and uses every event.
  async speaks(socket, options) {
    const [greeting] = await Promise.race([
      heard(socket, "connected"),
      heard(socket, "connect_error").then(([error]) => {
        throw error;
      }),
    ]);
    const { engine } = socket.io;
    if (options.transports?.join() === "polling,websocket" && engine.transport.name === "polling") await heard(engine, "upgrade");
    return {
      greeting,
      id: socket.id,
      namespace: socket.nsp,
      ping: await asks(socket, "ping", "pong"),
      echo: await asks(socket, "echo", "echo_response", { message: "grüße" }),
      status: await asks(socket, "status", "status_response"),
      info: await asks(socket, "info", "info_response"),
      message: await asks(socket, "message", "message_received", { content: "x" }),
      error: await asks(socket, "nonsense", "error"),
    };
  },

  // Asks the assistant.
  async chats(socket) {
    const told = { chunks: [] };
    socket.on("ai:response:start", ({ messageId }) => (told.messageId = messageId));
    socket.on("ai:response:chunk", ({ messageId, chunk }) => messageId === told.messageId && told.chunks.push(chunk));
    const complete = heard(socket, "ai:response:complete");
    socket.emit("ai:chat", { message: "Hello" });
    return { ...told, complete: (await complete)[0] };
  },

  // What it is told, and whether it goes on trying.
  async "is refused"(socket) {
    const [error] = await heard(socket, "connect_error");
    return { message: error.message, isActive: socket.active };
  },

  // Logs its session out, and is disconnected for it.
  async "logs out"(socket, { logout }) {
    await heard(socket, "connected");
    request(logout, { method: "POST" }).end();
    const [reason] = await heard(socket, "disconnect");
    return { reason, isActive: socket.active };
  },
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { scenario, url, options } = JSON.parse(line);
  const socket = io(url, { forceNew: true, reconnection: false, ...options });
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error("nothing in time")), DEADLINE).unref());
  let result;
  try {
    result = { told: await Promise.race([scenarios[scenario](socket, options), late]) };
  } catch (error) {
    result = { error: `${scenario}: ${error?.stack ?? error}` };
  }
  socket.disconnect();
  process.stdout.write(JSON.stringify(result) + "\n");
});
