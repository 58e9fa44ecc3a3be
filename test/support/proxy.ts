import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A way to a Redis server that takes longer. */
export interface Proxy {
  /** Where Redis is reached through it. */
  readonly url: string
  /** After how long answers that come from now on are handed on. */
  delayMs: number
  close(): Promise<void>
}

/**
 * Starts a proxy that hands on at once what clients send, and answers only after `delayMs`: an answer has then long been decided
 * when it arrives. What comes back meanwhile arrives together with it, as from a network that was stuck.
 */
export async function startProxy(port: number, delayMs: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const proxy = {
    url: '',
    delayMs,
    async close(): Promise<void> {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
  const server = createServer((client) => {
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
