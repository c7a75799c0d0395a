// What the official client does, in Node and in a browser alike. A scenario throws, or returns what is to be told.

const DEADLINE = 10_000;
let opened = [];

export async function run(io, { scenario, url, options }) {
  opened = [];
  const connect = (namespace = "", more = {}) => {
    const socket = io(url + namespace, { forceNew: true, reconnectionDelay: 50, ...options, ...more });
    opened.push(socket);
    return socket;
  };
  try {
    const told = await within(DEADLINE, scenarios[scenario]({ io, url, options, connect }));
    return { told: told ?? null };
  } catch (error) {
    return { error: `${scenario}: ${error?.stack ?? error}` };
  } finally {
    for (const socket of opened) socket.io._reconnection = false;
    for (const socket of opened) socket.disconnect();
  }
}

// The words that the scenarios are made of

function within(milliseconds, promise) {
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}

const heard = (emitter, name) => new Promise((resolve) => emitter.once(name, (...values) => resolve(values)));

function equal(found, expected) {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${left} instead of ${right}`);
}

// An ArrayBuffer in a browser, a view of one in Node.
const bytes = (value) => [
  ...(ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value)),
];
const text = (value) => new TextDecoder().decode(new Uint8Array(bytes(value)));
const transport = (socket) => socket.io.engine.transport.name;

async function connected(socket) {
  await Promise.race([
    heard(socket, "connect"),
    heard(socket, "connect_error").then(([error]) => {
      throw error;
    }),
  ]);
  return socket;
}

async function upgraded(socket) {
  if (transport(socket) !== "websocket") await heard(socket.io.engine, "upgrade");
  equal(transport(socket), "websocket");
}

// With both transports there is an upgrade to wait for.
async function moved(socket, options) {
  if (options.transports?.join() === "polling,websocket") await upgraded(socket);
  return socket;
}

const settled = async (socket, options) => moved(await connected(socket), options);

// Scenarios. Profile C unless they say otherwise

const scenarios = {
  // A plain WebSocket whose backend dies, and what it hears of that: nothing.
  async "goes on while its backend is replaced"({ url }) {
    const socket = new WebSocket(url);
    const [heard, waiting] = [[], []];
    let closed = null;
    socket.onmessage = ({ data }) => (waiting.length > 0 ? waiting.shift()(data) : heard.push(data));
    socket.onclose = ({ code, reason }) => (closed = `${code} ${reason}`);
    const next = () => (heard.length > 0 ? heard.shift() : new Promise((resolve) => waiting.push(resolve)));
    const first = JSON.parse(await next());
    socket.send("die");
    const greetings = [first, JSON.parse(await next())];
    socket.send("still here");
    let answer = await next();
    // The last words to a backend are said again to the next where nobody knows that it has read them.
    for (; answer.startsWith("{"); answer = await next()) greetings.push(JSON.parse(answer));
    const told = { greetings, answer, closed };
    socket.close();
    return told;
  },

  async "starts with polling and goes over to websocket"({ connect }) {
    const socket = await connected(connect("", { transports: ["polling", "websocket"] }));
    const before = socket.emitWithAck("echo", "before");
    await upgraded(socket);
    equal(await before, "before");
    equal(await socket.emitWithAck("echo", "after"), "after");
  },

  async "keeps to its only transport"({ connect, options }) {
    const socket = await connected(connect());
    equal(transport(socket), options.transports[0]);
    for (let number = 0; number < 20; number++) equal(await socket.emitWithAck("echo", number), number);
    equal(transport(socket), options.transports[0]);
  },

  async "echoes with acknowledgements, before and after an upgrade"({ connect, options }) {
    const socket = await connected(connect());
    const values = [0, "", "ä€😀", null, false, [1, [2, { a: null }]], { b: 1, a: "2", c: { d: [] } }];
    values.push(9007199254740991, 0.1);
    for (let round = 0; round < 2; round++) {
      equal(await Promise.all(values.map((value) => socket.emitWithAck("echo", value))), values);
      await moved(socket, options);
    }
  },

  async "sends and receives binary"({ connect, options }) {
    const socket = await settled(connect(), options);
    const blob = Uint8Array.from({ length: 256 }, (_, index) => index);
    equal(bytes(await socket.emitWithAck("echo", blob)), bytes(blob));
    equal(bytes(await socket.emitWithAck("echo", blob.buffer)), bytes(blob));
    const nested = await socket.emitWithAck("echo", { a: [new Uint8Array([1]), "x", { b: new Uint8Array(0) }] });
    equal([bytes(nested.a[0]), nested.a[1], bytes(nested.a[2].b)], [[1], "x", []]);
    let answer = heard(socket, "takebin");
    socket.emit("getbin");
    equal(text((await answer)[0]), "asdfasdf");
    answer = heard(socket, "back");
    socket.emit("blob", blob);
    equal(bytes((await answer)[0]), bytes(blob));
    answer = heard(socket, "jsonbuff-ack");
    socket.emit("jsonbuff", { hello: "lol", message: new Uint8Array([1, 2]), goodbye: "gotcha" });
    await answer;
    answer = heard(socket, "blob3-ack");
    socket.emit("blob1", new Uint8Array([1]));
    socket.emit("blob2", "second");
    socket.emit("blob3", new Uint8Array([3]));
    await answer;
    if (typeof window !== "undefined") {
      answer = heard(socket, "back");
      socket.emit("blob", new Blob(["from a browser"]));
      equal(text((await answer)[0]), "from a browser");
    }
  },

  async "uses two namespaces on one connection"({ io, url, options }) {
    const manager = new io.Manager(url, options);
    const main = manager.socket("/");
    const foo = manager.socket("/foo");
    opened.push(main, foo);
    await Promise.all([connected(main), connected(foo)]);
    if (main.io.engine !== foo.io.engine) throw new Error("two connections");
    const ids = await Promise.all([main.emitWithAck("getId"), foo.emitWithAck("getId")]);
    equal(ids, [main.id, foo.id]);
    if (main.id === foo.id) throw new Error("one id for both");
    foo.disconnect();
    equal(await main.emitWithAck("echo", "still here"), "still here");
    foo.connect();
    await connected(foo);
    equal(await foo.emitWithAck("getId"), foo.id);
  },

  async "hears why it is refused"({ connect, io, url, options }) {
    const refusal = async (socket) => {
      const [error] = await heard(socket, "connect_error");
      return error.message;
    };
    equal(await refusal(connect("/no")), "Auth failed (custom namespace)");
    equal(await refusal(connect("/unknown")), "Invalid namespace");
    equal(await refusal(connect("", { query: { fail: "1" } })), "Auth failed (main namespace)");
    const manager = new io.Manager(url, options);
    const [main, no] = [manager.socket("/"), manager.socket("/no")];
    opened.push(main, no);
    equal((await Promise.all([connected(main), refusal(no)]))[1], "Auth failed (custom namespace)");
    equal(await main.emitWithAck("echo", "unharmed"), "unharmed");
  },

  async "answers the server"({ connect, options }) {
    const socket = await settled(connect(), options);
    socket.on("ack", (answer) => answer(5, { test: true }));
    const done = heard(socket, "got it");
    socket.emit("ack");
    await done;
  },

  async "hears text of all kinds in order"({ connect, options }) {
    const socket = await settled(connect(), options);
    const texts = [];
    const all = new Promise((resolve) => socket.on("takeUtf8", (one) => texts.push(one) === 5 && resolve()));
    socket.emit("getUtf8");
    await all;
    equal(texts, ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"]);
  },

  async "shows its handshake"({ connect, options }) {
    const socket = await settled(connect("", { auth: { token: "123" }, query: { user: "älice" } }), options);
    const handshake = await socket.emitWithAck("getHandshake");
    equal(handshake.auth, { token: "123" });
    equal(handshake.query.user, "älice");
    const abc = await connect("/abc", { auth: (answer) => answer({ late: true }) });
    const [told] = await heard(abc, "handshake");
    equal(told.auth, { late: true });
  },

  async "echoes 600 kilobytes"({ connect, options }) {
    const socket = await settled(connect(), options);
    const long = "0123456789".repeat(60_000);
    if ((await socket.emitWithAck("echo", long)) !== long) throw new Error("not the same text");
    const blob = new Uint8Array(600_000).fill(7);
    const back = await socket.emitWithAck("echo", blob);
    equal(back.byteLength, blob.length);
    if (bytes(back).some((byte) => byte !== 7)) throw new Error("not the same bytes");
  },

  async "keeps a thousand events in order while it goes over to websocket"({ connect, options }) {
    const socket = await connected(connect());
    const echoes = [];
    for (let number = 0; number < 1000; number++) {
      echoes.push(socket.emitWithAck("echo", number));
      if (number % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const answers = await Promise.all(echoes);
    equal(answers, [...answers.keys()]);
    await moved(socket, options);
  },

  async "lives on heartbeats"({ connect, options }) {
    const socket = await settled(connect(), options);
    let ended = null;
    socket.on("disconnect", (reason) => (ended = reason));
    let pings = 0;
    socket.io.on("ping", () => pings++);
    await new Promise((resolve) => setTimeout(resolve, 4500));
    equal([ended, pings], [null, 2]);
    equal(await socket.emitWithAck("echo", "alive"), "alive");
  },

  async "is recovered"({ connect, options }) {
    const socket = await settled(connect(), options);
    equal(socket.recovered, false);
    const id = socket.id;
    const first = heard(socket, "hi");
    socket.emit("hi"); // the client needs an offset to come back with
    await first;
    for (let round = 0; round < 3; round++) {
      const back = heard(socket, "connect");
      socket.io.engine.close();
      await back;
      equal([socket.recovered, socket.id], [true, id]);
      equal(await socket.emitWithAck("getId"), id);
      await moved(socket, options);
    }
  },

  // Profile X, server B

  async "hears what it missed before it is connected"({ connect, options }) {
    const alice = await settled(connect(), options);
    const bob = await connected(connect("", { transports: ["websocket"] }));
    const id = alice.id;
    await alice.emitWithAck("join", "recovered");
    await alice.emitWithAck("set-data", { name: "alice" });
    const first = heard(alice, "back");
    alice.emit("back", "first");
    await first;
    const log = [];
    alice.on("missed", (number) => log.push(number));
    alice.on("connect", () => log.push("connect"));
    const gone = heard(alice, "disconnect");
    // It comes back when everything has been said, however slow this machine is.
    alice.io.reconnection(false);
    alice.io.engine.close();
    await gone;
    for (const number of [1, 2, 3]) {
      await bob.emitWithAck("bcast", { via: "io", rooms: number === 2 ? [id] : ["recovered"] }, "missed", number);
      await bob.emitWithAck("bcast", { via: "io", rooms: ["another room"] }, "missed", -1);
      await bob.emitWithAck("bcast", { via: "io", rooms: [id], except: ["recovered"] }, "missed", -2);
      await bob.emitWithAck("bcast", { via: "io", rooms: [id], volatile: true }, "missed", -3);
    }
    const back = heard(alice, "connect");
    alice.io.reconnection(true);
    alice.connect();
    await back;
    equal(log, [1, 2, 3, "connect"]);
    equal([alice.recovered, alice.id], [true, id]);
    equal(await alice.emitWithAck("rooms"), ["recovered"]);
    await bob.emitWithAck("bcast", { via: "io", rooms: ["recovered"] }, "missed", 4);
    await alice.emitWithAck("rooms");
    equal(log.at(-1), 4);
  },

  // Profile X, server A

  async "is told by the server to go"({ connect, options }) {
    for (const close of [false, true]) {
      const socket = await settled(connect(), options);
      const gone = heard(socket, "disconnect");
      socket.emit("kick", close);
      equal((await gone)[0], "io server disconnect");
    }
  },

  async "hears the data of an error"({ connect }) {
    const socket = connect("/mw", { auth: { fail: true, message: "denied", data: { code: 42 } } });
    const [error] = await heard(socket, "connect_error");
    equal([error.message, error.data], ["denied", { code: 42 }]);
    socket.auth = {};
    socket.connect();
    await connected(socket);
  },

  async "gets bursts over polling"({ connect }) {
    const socket = await connected(connect("", { transports: ["polling"] }));
    const numbers = [];
    const all = new Promise((resolve) => socket.on("n", (number) => numbers.push(number) === 200 && resolve()));
    socket.emit("many", 200);
    await all;
    equal(numbers, [...numbers.keys()]);
  },

  async "is not let in"({ connect }) {
    const socket = connect("", { reconnection: false });
    const [error] = await heard(socket, "connect_error");
    return error.message;
  },

  // The event gateway: options.auth has the token.
  async "goes through the gateway's events"({ connect, options }) {
    const socket = connect();
    const greeting = heard(socket, "connected");
    await settled(socket, options);
    const told = { connected: (await greeting)[0], id: socket.id };
    const replies = { ping: "pong", status: "status_response", echo: "echo_response", info: "info_response", message: "message_received" };
    for (const [event, reply] of Object.entries(replies)) {
      const answer = heard(socket, reply);
      socket.emit(event, { message: "hi", content: "hi" });
      told[event] = (await answer)[0];
    }
    const pieces = [];
    socket.on("ai:response:chunk", (piece) => pieces.push(piece));
    const [started, complete] = [heard(socket, "ai:response:start"), heard(socket, "ai:response:complete")];
    socket.emit("ai:chat", { message: "Hello", conversationHistory: [] });
    told.ai = { started: (await started)[0], complete: (await complete)[0], pieces };
    const failed = heard(socket, "ai:response:error");
    socket.emit("ai:chat", {});
    told.failed = (await failed)[0];
    const unknown = heard(socket, "error");
    socket.emit("nothing of the kind");
    told.unknown = (await unknown)[0];
    return told;
  },
};
