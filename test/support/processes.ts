import { randomUUID } from 'node:crypto'
import type { RedisServer } from './redis-server.js'
import { until } from './until.js'
import { startWorker, type Worker } from './worker.js'

const MODULE = new URL('../workers/computing.mjs', import.meta.url)

/** Some tests store what cannot be stored on purpose; every other warning is a complaint. */
const ENV = { NODE_OPTIONS: '--disable-warning=KEYEDCACHE_NOT_STORED' }

/** How long a process may take to end by itself: less than half a lease, after which forgotten followers look again. */
const END_MS = 2000

/** A factory run by the processes; times in ms on a clock that they share. */
export interface Run {
  readonly key: string
  readonly pid: number
  readonly name: string
  readonly startedMs: number
  readonly endedMs: number | undefined
  readonly abortedMs: number | undefined
}

/** How one call was answered. */
export interface Answer {
  readonly key: string
  readonly value?: unknown
  readonly error?: { readonly name: string; readonly message: string; readonly code?: string }
  readonly beganMs: number
  readonly settledMs: number
}

/** What the factory of a process does: takes a time, or until a gate opens, then ends in this way. */
export interface FactoryPlan {
  readonly ms?: number
  readonly gate?: string
  readonly ends?: 'run' | 'note' | 'null' | 'undefined' | 'throw' | 'skip' | 'unstorable' | 'never'
  /** A string in Redis that the factory reads as it begins; its value, a number, is that of `note`. */
  readonly note?: string
}

/** A burst of calls of getOrSet in one process. */
export interface Burst {
  readonly keys: readonly string[]
  readonly calls?: number
  readonly factory?: FactoryPlan
  readonly options?: Record<string, unknown>
}

/** Node processes that share one cache in Redis. */
export class Processes {
  readonly workers: Worker[]
  readonly #server: RedisServer

  private constructor(server: RedisServer, workers: Worker[]) {
    this.#server = server
    this.workers = workers
  }

  /** Starts processes, each with a cache; they hear of each other when the promise resolves. `own` are the options of each by itself. */
  static async start(
    server: RedisServer,
    count: number,
    options: Record<string, unknown> = {},
    own: readonly { readonly options?: Record<string, unknown>; readonly env?: Record<string, string> }[] = [],
  ): Promise<Processes> {
    const keyPrefix = `test-${randomUUID()}`
    const workers = await Promise.all(
      Array.from({ length: count }, (_, i) => startWorker(MODULE, { ...ENV, ...own[i]?.env })),
    )
    await Promise.all(
      workers.map((worker, i) =>
        worker.call('open', { redis: server.url, notesUrl: server.url, keyPrefix, ...options, ...own[i]?.options }),
      ),
    )
    const channel = `${keyPrefix}:wake`
    await until(async () => (await server.client().pubsub('NUMSUB', channel))[1] === count, 'all processes listen')
    return new Processes(server, workers)
  }

  /** Calls a function in each of the processes at once. */
  async each<T>(name: string, ...args: unknown[]): Promise<T[]> {
    return Promise.all(this.workers.map((worker) => worker.call<T>(name, ...args)))
  }

  /** One burst in each of the processes at once; the answers of all. */
  async burst(burst: Burst): Promise<Answer[]> {
    return (await this.each<Answer[]>('burst', burst)).flat()
  }

  /** The factories that ran for a key in processes that live. */
  async runs(key: string): Promise<Run[]> {
    const all = (await this.each<Run[]>('runsHere')).flat()
    return all.filter((run) => run.key === key).toSorted((a, b) => a.startedMs - b.startedMs)
  }

  /** How many factories ran for a key in all processes, dead ones too. */
  async countRuns(key: string): Promise<number> {
    return this.#server.client().llen(`runs ${key}`)
  }

  /** Ends one process by SIGKILL. */
  async kill(worker: Worker): Promise<void> {
    this.workers.splice(this.workers.indexOf(worker), 1)
    await worker.close()
  }

  /**
   * Closes the caches, and says how long the slowest process took to end by itself. Rejects when one did not end, ended with an
   * error (as for a rejection that nobody handled) or warned of something (as of a listener too many).
   */
  async end(): Promise<number> {
    const workers = this.workers.splice(0)
    try {
      await Promise.all(workers.map((worker) => worker.call('close')))
      const startedMs = performance.now()
      const codes = await Promise.all(workers.map((worker) => worker.end(END_MS)))
      const tookMs = performance.now() - startedMs
      const complaints = workers.map((worker) => worker.complaints).join('')
      if (codes.some((code) => code !== 0))
        throw new Error(`A process did not end by itself: ${codes.join(', ')}\n${complaints}`)
      if (complaints !== '') throw new Error(`A process complained:\n${complaints}`)
      return tookMs
    } finally {
      await Promise.all(workers.map((worker) => worker.close()))
    }
  }
}
