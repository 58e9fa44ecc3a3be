import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A way to a server on which each answer takes longer. It counts the commands that are sent. */
export interface LongWay {
  readonly port: number
  commands: number
  close(): Promise<void>
}

/** Starts a way to a server on this machine. Unlike `startProxy`, no answer comes sooner because of one before it. */
export async function startLongWay(port: number, delayMs = 0): Promise<LongWay> {
  const sockets = new Set<Socket>()
  const way = {
    port: 0,
    commands: 0,
    async close(): Promise<void> {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    const end = (): void => {
      for (const socket of [client, upstream]) sockets.delete(socket.destroy())
    }
    for (const socket of [client, upstream]) sockets.add(socket.setNoDelay().on('close', end).on('error', end))
    client.on('data', (sent) => {
      way.commands += sent.toString('latin1').match(/^\*\d+\r$/gm)?.length ?? 0
      upstream.write(sent)
    })
    upstream.on('data', (answer) => void setTimeout(() => client.write(answer), delayMs))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  way.port = (server.address() as { port: number }).port
  return way
}
