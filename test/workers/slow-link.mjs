// A network of limited throughput in front of servers, in a process of its own: what is measured beside it keeps its event loop.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

const TICK_MS = 5
const PIECE_BYTES = 16 * 1024

/** One direction, which all connections share: each passes a piece, then it is the next one's turn. */
class Way {
  bytesPerSecond = Infinity
  isHeld = false
  #budget = 0
  #lastMs = performance.now()
  #waiting = []

  constructor() {
    setInterval(() => this.tick(), TICK_MS)
  }

  tick() {
    const nowMs = performance.now()
    const earned = (this.bytesPerSecond * (nowMs - this.#lastMs)) / 1000
    this.#lastMs = nowMs
    // Nothing is saved up while nobody waits; while somebody does, a late tick costs no throughput
    const most = this.#waiting.length > 0 && !this.isHeld ? Infinity : 2 * PIECE_BYTES
    this.#budget = this.bytesPerSecond === Infinity ? 2 * PIECE_BYTES : Math.min(most, this.#budget + earned)
    while (this.#waiting.length > 0 && this.#mayPass) {
      const { bytes, goOn } = this.#waiting.shift()
      this.#budget -= bytes
      goOn()
    }
  }

  get #mayPass() {
    return !this.isHeld && (this.bytesPerSecond === Infinity || this.#budget > 0)
  }

  /** Resolves when so many bytes may pass. */
  async turn(bytes) {
    if (this.#waiting.length === 0 && this.#mayPass) this.#budget -= bytes
    else await new Promise((goOn) => this.#waiting.push({ bytes, goOn }))
  }
}

const ways = { down: new Way(), up: new Way() }
const sockets = new Set()
let isRefusing = false

/** Listens before each of these ports of this machine; gives the ports to connect to. All of them share the throughput. */
export async function open(ports) {
  return Promise.all(ports.map((port) => listenBefore(port, 0)))
}

/** Listens on a unix socket before a port of this machine. */
export async function openSocket(port, path) {
  await listenBefore(port, path)
}

/** Bytes a second of a direction (`down`: what servers send), unlimited at the start; `isHeld`: nothing more passes. */
export function limit(direction, { bytesPerSecond = Infinity, isHeld = false }) {
  Object.assign(ways[direction], { bytesPerSecond, isHeld })
  ways[direction].tick()
}

/** Whether connections are closed at once, those that are there as well. */
export function refuse(refuses) {
  isRefusing = refuses
  if (isRefusing) for (const socket of sockets) socket.destroy()
}

async function listenBefore(port, at) {
  const server = createServer((client) => {
    if (isRefusing) return void client.on('error', () => {}).destroy()
    const upstream = connect(port, '127.0.0.1')
    const end = () => {
      for (const socket of [client, upstream]) {
        socket.destroy()
        sockets.delete(socket)
      }
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket.setNoDelay())
      socket.on('close', end).on('error', end)
    }
    pass(client, upstream, ways.up)
    pass(upstream, client, ways.down)
  })
  if (at === 0) server.listen(at, '127.0.0.1')
  else server.listen(at)
  await once(server, 'listening')
  return server.address().port
}

function pass(from, to, way) {
  from.on('data', async (chunk) => {
    from.pause()
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      const piece = chunk.subarray(at, at + PIECE_BYTES)
      await way.turn(piece.length)
      if (to.destroyed) return
      if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => {})
    }
    from.resume()
  })
}
