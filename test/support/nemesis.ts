import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from '../cache/history-checker.js'
import type { RedisServer } from './redis-server.js'
import type { Worker } from './worker.js'

/** What trouble can be made of. */
export interface NemesisTargets {
  readonly server: RedisServer
  readonly keyPrefix: string
  readonly workers: Worker[]
  /** Ends a worker by SIGKILL and puts another in its place. */
  replace(worker: Worker): Promise<void>
}

const now = (): number => Number(process.hrtime.bigint()) / 1e6

/** Makes trouble, one kind after the other in an order of its seed, heals it, and notes what it did. */
export class Nemesis {
  readonly faults: Fault[] = []
  readonly #targets: NemesisTargets
  #state: number

  constructor(targets: NemesisTargets, seed: number) {
    this.#targets = targets
    this.#state = seed
  }

  /** How often each kind was done. */
  get counts(): Record<string, number> {
    const counts: Record<string, number> = {}
    for (const { kind } of this.faults) counts[kind] = (counts[kind] ?? 0) + 1
    return counts
  }

  /** Goes on until the time is up, with a pause between one trouble and the next. */
  async run(forMs: number, pauseMs: number): Promise<void> {
    const untilMs = now() + forMs
    let kinds: (keyof typeof this.kinds)[] = []
    while (now() < untilMs) {
      if (kinds.length === 0) kinds = this.#shuffled(Object.keys(this.kinds) as (keyof typeof this.kinds)[])
      const kind = kinds.pop() as keyof typeof this.kinds
      const fromMs = now()
      const fault: { kind: string; fromMs: number; toMs: number; pid?: number } = { kind, fromMs, toMs: Infinity }
      this.faults.push(fault)
      const pid = await this.kinds[kind]() // eslint-disable-line no-await-in-loop -- one trouble at a time
      if (pid !== undefined) fault.pid = pid
      fault.toMs = now()
      await delay(pauseMs * (0.5 + this.#random())) // eslint-disable-line no-await-in-loop
    }
  }

  readonly kinds = {
    'Redis frozen': async () => {
      const { server } = this.#targets
      server.stop()
      await delay(200 + 1000 * this.#random())
      server.resume()
    },
    'Redis killed': async () => {
      const { server } = this.#targets
      await server.kill()
      await delay(500 * this.#random())
      await server.restart()
    },
    'connections closed': async () => {
      await this.#redis('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    },
    'subscribers closed': async () => {
      await this.#redis('CLIENT', 'KILL', 'TYPE', 'pubsub')
    },
    'scripts forgotten': async () => {
      await this.#redis('SCRIPT', 'FLUSH')
    },
    'everything deleted': async () => {
      await this.#redis('FLUSHALL')
    },
    'memory full': async () => {
      await this.#redis('CONFIG', 'SET', 'maxmemory', '1')
      await delay(300 + 700 * this.#random())
      await this.#redis('CONFIG', 'SET', 'maxmemory', '0')
    },
    'read-only replica': async () => {
      await this.#redis('REPLICAOF', '127.0.0.1', '1')
      await delay(300 + 500 * this.#random())
      await this.#redis('REPLICAOF', 'NO', 'ONE')
    },
    'Redis slow': async () => {
      for (let i = 0; i < 5; i++) {
        // eslint-disable-next-line no-await-in-loop -- again and again
        await this.#redis('CLIENT', 'PAUSE', String(Math.round(20 + 60 * this.#random())), 'ALL')
        await delay(100) // eslint-disable-line no-await-in-loop
      }
    },
    'busy script': async () => {
      await this.#redis(
        'EVAL',
        "local s = redis.call('TIME') repeat local t = redis.call('TIME') until (t[1] - s[1]) * 1e6 + t[2] - s[2] > 300000",
        '0',
      )
    },
    'entries corrupted': async () => {
      await this.#corrupt()
    },
    'leases evicted': async () => {
      await this.#redis('UNLINK', `${this.#targets.keyPrefix}:leases:`)
    },
    'index evicted': async () => {
      await this.#redis('UNLINK', `${this.#targets.keyPrefix}:index:`)
    },
    'process frozen': async () => {
      const worker = this.#worker()
      worker.stop()
      await delay(500 + 1500 * this.#random())
      worker.resume()
      await worker.call('stats')
      return worker.pid
    },
    'event loop blocked': async () => {
      const worker = this.#worker()
      await worker.call('block', 200 + 500 * this.#random())
      return worker.pid
    },
    'process killed': async () => {
      const worker = this.#worker()
      const { pid } = worker
      await this.#targets.replace(worker)
      return pid
    },
  } as const satisfies Record<string, () => Promise<number | void>>

  async #redis(...command: [string, ...string[]]): Promise<unknown> {
    return this.#targets.server.client().call(...command)
  }

  /** Flips bits in some entries, cuts others off, puts another type of data in the place of others. */
  async #corrupt(): Promise<void> {
    const { server, keyPrefix } = this.#targets
    const client = server.client()
    for (const name of await client.keys(`${keyPrefix}:v:*`)) {
      /* eslint-disable no-await-in-loop -- one after the other */
      const bytes = await client.getBuffer(name).catch(() => null)
      if (bytes === null || bytes.length === 0) continue
      const how = this.#random()
      if (how < 0.1) {
        await client.multi().unlink(name).lpush(name, 'list').exec()
      } else if (how < 0.3) {
        await client.set(name, bytes.subarray(0, Math.floor(bytes.length * this.#random())), 'KEEPTTL', 'XX')
      } else if (how < 0.7) {
        const at = Math.floor(bytes.length * this.#random())
        bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(8 * this.#random()))
        await client.set(name, bytes, 'KEEPTTL', 'XX')
      }
      /* eslint-enable no-await-in-loop */
    }
  }

  #worker(): Worker {
    const { workers } = this.#targets
    return workers[Math.floor(workers.length * this.#random())] as Worker
  }

  #shuffled<T>(list: readonly T[]): T[] {
    return list
      .map((each) => ({ each, at: this.#random() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ each }) => each)
  }

  #random(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return this.#state / 2 ** 32
  }
}
