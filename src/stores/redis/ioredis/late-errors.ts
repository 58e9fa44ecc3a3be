import { realTime } from '../../../checks/real-time.js'
import type { Redis } from 'ioredis'

/**
 * Lets errors of a socket pass that come after its first one. ioredis listens to the first one alone, and a TLS socket that is closed during
 * its handshake may have a second one. Nobody would listen to that, and the process would end.
 */
export function ignoreLateErrors(redis: Redis): Redis {
  // The socket is there in the same turn of the event loop.
  return redis.on('connecting', () => realTime.setImmediate(() => redis.stream?.on('error', ignore)))
}

function ignore(): void {
  // The first error was told.
}
