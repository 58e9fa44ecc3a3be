import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp } from './app.js'
import type { Config } from './config.js'
import { warmUp } from './warm-up.js'

/** A demo that listens. */
export interface Serving {
  readonly port: number
  /** Lets requests under way end, for two seconds at most, then closes everything. */
  close(): Promise<void>
}

/** Builds the demo and listens. Rejects when the port is taken. */
export async function serve(config: Config): Promise<Serving> {
  await warmUp()
  const demo = await createApp(config)
  const server = createServer(demo.app)
  // a password that everybody knows opens nothing to other machines
  server.listen(config.port, config.isDefaultPassword ? '127.0.0.1' : undefined)
  await once(server, 'listening')
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
