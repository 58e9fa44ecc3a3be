import { EventEmitter } from 'node:events'
import type { Redis } from 'ioredis'
import { expect, test, vi } from 'vitest'
import type { Client } from '../../../../src/stores/redis/connection/client.js'
import { Subscribers } from '../../../../src/stores/redis/connection/subscribers.js'
import { fakeRealTime } from '../../../support/fake-real-time.js'

/** To which ports connections were opened. */
const opened: number[] = []

/** A connection that is ready some time after it was asked for, or never. */
class SlowConnection extends EventEmitter {
  status = 'wait'
  readonly #readyMs: number

  constructor(readyMs: number) {
    super()
    this.#readyMs = readyMs
  }

  async connect(): Promise<void> {
    this.status = 'connecting'
    this.emit('connecting')
    setTimeout(
      () => {
        if (this.status !== 'connecting') return
        this.status = this.#readyMs > 1000 ? 'end' : 'ready'
        this.emit(this.status === 'ready' ? 'ready' : 'close')
      },
      Math.min(this.#readyMs, 1000),
    )
  }

  disconnect(): void {
    this.status = 'end'
  }

  async subscribe(): Promise<number> {
    return 1
  }
}

test.each<[what: string, readyMs: (address: number) => number]>([
  ['one that needs more than half a second to connect', () => 650],
  ['another one where the first cannot be reached', (address) => (address === opened[0] ? Infinity : 100)],
])('Of the masters of a Cluster %s is heard', async (_what, readyMs) => {
  opened.length = 0
  fakeRealTime()
  const masters = [1, 2, 3].map((port) => ({ options: { host: 'host', port } }))
  const client = {
    isReady: true,
    masters: () => masters,
    openSubscriber: ({ options: { port } }: { options: { port: number } }) => {
      opened.push(port)
      return new SlowConnection(readyMs(port)) as unknown as Redis
    },
  } as unknown as Client
  const silent = { tracked: undefined, onUntracked: () => {}, onError: () => {} }
  const subscribers = new Subscribers({ client, wake: 'wake', ...silent })
  try {
    for (let round = 0; round < 10; round++) {
      subscribers.follow()
      await vi.advanceTimersByTimeAsync(500) // eslint-disable-line no-await-in-loop -- as a store does
    }
    expect(subscribers.hears).toBe(true)
    expect(opened.length).toBeLessThanOrEqual(3)
  } finally {
    subscribers.close()
  }
})
