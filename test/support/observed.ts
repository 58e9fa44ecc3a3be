import type { Bounds, Fault, History, Operation, Produced } from '../cache/history-checker.js'
import type { ProcessState } from '../cache/process-states.js'
import { freshPrefix } from './both-stores.js'
import { isMeasured, lasting } from './fault-row.js'
import type { RedisServer } from './redis-server.js'
import { whereKnown } from './where-known.js'
import { startWorker, type Worker } from './worker.js'

export const PROCESSES = 4
const CALLERS = 10
/** In `npm test` other files run beside. */
const PAUSE_MS = lasting(40, 80)
const LEASE_MS = 1000
const FALLBACK_TTL_MS = 2000
const GRACE_MS = 1000
/** Of the factories, the share that fails. */
const FAILING = 0.02

export const BOUNDS: Bounds = {
  redisTimeoutMs: 250,
  leaseMs: LEASE_MS,
  slackMs: isMeasured ? 250 : 500,
  settleMs: 1500,
  fallbackTtlMs: FALLBACK_TTL_MS,
  graceMs: GRACE_MS,
}

/**
 * Keys of two groups, which all processes delete, keys that one process writes, keys that only expire, and a key that one process deletes
 * more often than it can be computed.
 */
const KEYS = [
  ...Array.from({ length: 10 }, (_, i) => ({ key: `group::${i % 2}::${i}`, group: `group::${i % 2}` })),
  ...Array.from({ length: 12 }, (_, i) => ({ key: `own::${i}`, owner: i % PROCESSES })),
  ...Array.from({ length: 8 }, (_, i) => ({ key: `left::${i}` })),
  { key: 'often', deleter: 0, everyMs: 60, factoryMs: 150, readers: 5 },
]

/** Processes under observation: what they do with their caches in one Redis, judged by a source in another one. */
export class Observed {
  readonly workers: Worker[] = []
  readonly operations: Operation[] = []
  readonly states: ProcessState[] = []
  readonly keyPrefix: string = freshPrefix()
  /** Of those that were killed on purpose. */
  complaints = ''
  readonly #server: RedisServer
  readonly #source: RedisServer
  readonly #bug: string | undefined
  #taking: Promise<void> = Promise.resolve()

  /** `bug`: what is planted in them. */
  constructor(server: RedisServer, source: RedisServer, bug?: string) {
    this.#server = server
    this.#source = source
    this.#bug = bug
  }

  async startAll(): Promise<void> {
    await Promise.all(Array.from({ length: PROCESSES }, (_, number) => this.start(number)))
  }

  async start(number: number): Promise<Worker> {
    const worker = await startWorker(new URL('../workers/history.mjs', import.meta.url))
    await worker.call('open', {
      redis: this.#server.url,
      sourceUrl: this.#source.url,
      keyPrefix: this.keyPrefix,
      lease: LEASE_MS / 1000,
      ttl: '3s',
      grace: GRACE_MS / 1000,
      failing: FAILING,
      keepsForMs: FALLBACK_TTL_MS,
      ...whereKnown({ fallback: { ttl: FALLBACK_TTL_MS / 1000 } }),
      ...(this.#bug === undefined ? {} : { bug: this.#bug }),
    })
    await worker.call('begin', { keys: KEYS, number, count: CALLERS, pauseMs: PAUSE_MS })
    this.workers[number] = worker
    return worker
  }

  async replace(worker: Worker): Promise<void> {
    const number = this.workers.indexOf(worker)
    await this.#taking
    await this.#takeFrom(worker)
    await worker.close()
    this.complaints += worker.complaints
    await this.start(number)
  }

  /** Collects what was done since. */
  async take(): Promise<void> {
    this.#taking = Promise.all(this.workers.map((worker) => this.#takeFrom(worker))).then(() => {})
    await this.#taking
  }

  /** All that was collected. */
  async history(faults: readonly Fault[]): Promise<History> {
    const lines = await this.#source.client().lrange('produced', 0, -1)
    const produced = lines.map((line) => JSON.parse(line) as Produced)
    return { operations: this.operations, produced, faults, states: this.states }
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()))
  }

  async #takeFrom(worker: Worker): Promise<void> {
    // what a process had not handed over when it was killed is lost, as it would be
    const { operations, states } = await worker
      .call<{ operations: Operation[]; states: ProcessState[] }>('take')
      .catch(() => ({ operations: [], states: [] }))
    this.operations.push(...operations)
    this.states.push(...states)
  }
}
