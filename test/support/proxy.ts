import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A way to a Redis server that takes longer, or leads nowhere. */
export interface Proxy {
  /** Where Redis is reached through it. */
  readonly url: string
  /** After how long answers that come from now on are handed on. */
  delayMs: number
  /** Whether connections are closed at once, those that are there as well. */
  refusing: boolean
  close(): Promise<void>
}

/**
 * Starts a proxy that hands on at once what clients send, and answers only after `delayMs`: an answer has then long been decided
 * when it arrives. What comes back meanwhile arrives together with it, as from a network that was stuck.
 */
export async function startProxy(port: number, delayMs = 0): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  let refusing = false
  const proxy = {
    url: '',
    delayMs,
    get refusing() {
      return refusing
    },
    set refusing(now) {
      refusing = now
      if (refusing) destroyAll()
    },
    async close(): Promise<void> {
      const closed = once(server, 'close')
      server.close()
      destroyAll()
      await closed
    },
  }
  const server = createServer((client) => {
    if (refusing) return void client.on('error', () => {}).destroy()
    const upstream = connect(port, '127.0.0.1')
    for (const socket of [client, upstream]) sockets.add(socket.setNoDelay())
    let held: Buffer[] = []
    client.pipe(upstream)
    upstream.on('data', (chunk: Buffer) => {
      if (held.push(chunk) > 1) return
      setTimeout(() => {
        client.write(Buffer.concat(held))
        held = []
      }, proxy.delayMs)
    })
    const end = (): void => {
      for (const socket of [client, upstream]) {
        socket.destroy()
        sockets.delete(socket)
      }
    }
    for (const socket of [client, upstream]) socket.on('close', end).on('error', end)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`Not a port: ${address}`)
  proxy.url = `redis://127.0.0.1:${address.port}`
  return proxy
}
