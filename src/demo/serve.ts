import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp } from './app.js'
import type { Config } from './config.js'
import { listenAt } from './listen-at.js'
import { warmUp } from './cities/warm-up.js'

/** A demo that listens. */
export interface Serving {
  readonly port: number
  /** Waits for requests under way to end, for two seconds at most. Then closes everything. */
  close(): Promise<void>
}

/** Builds the demo and listens. @throws {PortTakenError} when another program listens on its port. */
export async function serve(config: Config): Promise<Serving> {
  await warmUp()
  const demo = await createApp(config)
  const server = createServer(demo.app)
  await listenAt(server, config)
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close')
      server.close()
      const limit = setTimeout(() => server.closeAllConnections(), 2000)
      await closed
      clearTimeout(limit)
      await demo.close()
    },
  }
}
