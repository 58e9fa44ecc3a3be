import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'

/** A server that listens for the tests. */
export interface Listening {
  /** Without a slash at the end. */
  url: string
  /** Ends the server and every connection to it. */
  close(): Promise<void>
}

/** Serves an Express application, or any other listener, on a free port of this machine. */
export async function listen(app: RequestListener): Promise<Listening> {
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`Not a port: ${address}`)
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
