import { once } from 'node:events'
import type { Server } from 'node:net'
import type { Config } from './config.js'

/** Another program listens where the demo was to. */
export class PortTakenError extends Error {}

/** Listens where the configuration says. @throws {PortTakenError} */
export async function listenAt(server: Server, { port, isDefaultPassword }: Config): Promise<void> {
  // a password that everybody knows opens nothing to other machines
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
