// The calls of @jamsocket/server and @jamsocket/client in dev mode, as their documentation has them: a bare random word
// behind every URL, `{}` as the least body, and every piece that is read split on line ends and never put together.
const port = process.argv[2]
const api = `http://localhost:${port}`
const word = () => Math.random().toString(36).slice(2)
const url = (path) => `${api}${path}?${word()}`

class HTTPError extends Error {
  constructor(code) {
    super(`HTTP ${code}`)
    this.code = code
  }
}

async function request(method, path, body) {
  const headers = { Authorization: 'Bearer -', 'Content-Type': 'application/json' }
  const response = await fetch(url(path), { method, headers, body: body === undefined ? undefined : JSON.stringify(body) })
  if (!response.ok) throw new HTTPError(response.status)
  return response
}

const states = ['scheduled', 'loading', 'starting', 'waiting', 'ready', 'terminating', 'hard-terminating', 'terminated']

function checked(state) {
  const optional = (name, isRight) => !(name in state) || isRight(state[name])
  const isRight =
    states.includes(state.status) && !Number.isNaN(Date.parse(state.time)) &&
    optional('termination_reason', (reason) => typeof reason === 'string') &&
    optional('termination_kind', (kind) => kind === 'soft' || kind === 'hard') &&
    optional('exit_error', (error) => typeof error === 'boolean')
  if (!isRight) throw new Error(`not a state: ${JSON.stringify(state)}`)
  return state
}

const jamsocket = {
  async connect(body = {}) {
    const answer = await (await request('POST', '/v2/service/-/-/connect', body)).json()
    for (const name of ['backend_id', 'status', 'token', 'url', 'status_url']) {
      if (typeof answer[name] !== 'string') throw new Error(`${name} is ${answer[name]}`)
    }
    if (typeof answer.spawned !== 'boolean') throw new Error('spawned')
    return answer
  },
  async status(id) {
    return checked(await (await request('GET', `/v2/backend/${id}/status`)).json())
  },
  async terminate(id, hard) {
    await request('POST', `/v2/backend/${id}/terminate`, hard === undefined ? {} : { hard })
  },
  async *statusStream(id) {
    yield* stream(url(`/v2/backend/${id}/status/stream`))
  },
}

async function* stream(address) {
  const response = await fetch(address)
  if (!response.ok) throw new HTTPError(response.status)
  const decoder = new TextDecoder()
  for await (const piece of response.body) {
    for (const line of decoder.decode(piece).split('\n')) {
      if (line === '') continue
      if (!line.startsWith('data:')) throw new Error(`unexpected line ${line}`)
      yield checked(JSON.parse(line.slice(5)))
    }
  }
}

class SessionBackend {
  constructor(connected) {
    this.seen = []
    this.onReady = new Promise((resolve) => (this.ready = resolve))
    this.onTerminated = new Promise((resolve) => (this.ended = resolve))
    this.running = this.run(connected.status_url)
  }

  async run(address) {
    const first = checked(await (await fetch(address)).json())
    if (first.status === 'terminated') return this.ended(first)
    for await (const state of stream(`${address}/stream?${word()}}`)) {
      this.seen.push(state.status)
      if (state.status === 'ready') this.ready(state)
      if (state.status === 'terminated') this.ended(state)
    }
  }
}

const failure = async (promise) => promise.then(() => null, (error) => error.code ?? String(error))

const first = await jamsocket.connect()
const second = await jamsocket.connect()
const keyed = await jamsocket.connect({ key: 'node' })
const again = await jamsocket.connect({ key: 'node' })
const many = await Promise.all(Array.from({ length: 12 }, () => jamsocket.connect({ key: 'twelve' })))
const backend = new SessionBackend(keyed)
await backend.onReady
const page = await fetch(keyed.url, { method: 'POST', body: 'x' })
await jamsocket.terminate(keyed.backend_id)
const end = await backend.onTerminated
await backend.running
const late = new SessionBackend(keyed)
const stream2 = []
for await (const state of jamsocket.statusStream(keyed.backend_id)) stream2.push(state.status)
console.log(
  JSON.stringify({
    keylessDiffer: first.backend_id !== second.backend_id,
    sameKey: keyed.backend_id === again.backend_id,
    spawned: [keyed.spawned, again.spawned],
    tokensDiffer: keyed.token !== again.token,
    ofTwelve: [new Set(many.map((one) => one.backend_id)).size, many.filter((one) => one.spawned).length],
    unheld: await failure(jamsocket.connect({ key: 'nobody', spawn: false })),
    unknown: await failure(jamsocket.status('abcdefghijklmn')),
    seen: backend.seen,
    page: page.status,
    end: [end.status, end.termination_reason, end.termination_kind, end.exit_error],
    late: (await late.onTerminated).status,
    stream: stream2,
  }),
)
