import { once } from 'node:events'
import type { Server } from 'node:net'
import type { Config } from './config.js'

/** Another program listens on the port of the demo. */
export class PortTakenError extends Error {}

/** Listens on the port of the configuration. @throws {PortTakenError} when another program listens there. */
export async function listenAt(server: Server, { port, isDefaultPassword }: Config): Promise<void> {
  // With the default password, which everybody knows, only this machine may connect.
  server.listen(port, isDefaultPassword ? '127.0.0.1' : undefined)
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    throw new PortTakenError(
      `Another program listens on port ${port} (EADDRINUSE): set PORT to another one, or to 0 for any that is free`,
      { cause: error },
    )
  }
}
