import { realTime } from '../../../checks/real-time.js'
import type { Redis } from 'ioredis'

const CHECK_EVERY_MS = 250
/** A healthy server may be silent for this long, or for the time limit of one answer if that is longer. */
const SILENT_MS = 1000

interface Check {
  readonly stream: Redis['stream']
  readonly bytesRead: number
  readonly times: number
}

/**
 * Closes connections on which a command waits and nothing arrives for a second or more. Nothing else notices a server that hangs, or a
 * network that is gone. It counts checks, not time. So a blocked event loop does not close a healthy connection. ioredis's `socketTimeout`
 * would.
 */
export class Watchdog {
  readonly #connections: () => readonly Redis[]
  readonly #most: number
  readonly #timer: NodeJS.Timeout
  #checks = new Map<Redis, Check>()

  constructor(connections: () => readonly Redis[], timeoutMs: number) {
    this.#connections = connections
    this.#most = 1 + Math.ceil(Math.max(SILENT_MS, timeoutMs) / CHECK_EVERY_MS)
    this.#timer = realTime.setInterval(() => realTime.setImmediate(this.#check), CHECK_EVERY_MS).unref()
  }

  close(): void {
    realTime.clearInterval(this.#timer)
  }

  readonly #check = (): void => {
    const last = this.#checks
    this.#checks = new Map()
    for (const redis of this.#connections()) {
      const { stream, commandQueue } = redis
      if (stream === undefined || stream.connecting || stream.destroyed || commandQueue.length === 0) continue
      const { bytesRead } = stream
      const before = last.get(redis)
      const isSilent = before?.stream === stream && before.bytesRead === bytesRead
      const times = isSilent ? before.times + 1 : 1
      if (times < this.#most) this.#checks.set(redis, { stream, bytesRead, times })
      else stream.destroy(new Error('the connection was closed, since Redis was silent for too long'))
    }
  }
}
