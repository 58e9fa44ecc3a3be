import { setTimeout as delay } from 'node:timers/promises'
import type { RedisServer } from './redis-server.js'
import { startWorker, type Worker } from './worker.js'
import { until } from './until.js'

/** What came of the calls of one process. Times are ms of a clock that all processes share. */
export interface Called {
  readonly begunMs: readonly number[]
  /** How long each took, without the time in which its process got no turn. */
  readonly tookMs: readonly number[]
  readonly failed: number
  readonly runs: readonly { readonly key: string; readonly begunMs: number }[]
  readonly states: readonly { readonly up: boolean; readonly atMs: number }[]
  readonly misses: readonly { readonly key: string; readonly atMs: number }[]
  readonly hitsBy: Readonly<Record<string, number>>
  /** The longest that its event loop was late. */
  readonly latestMs: number
}

/** What processes call. */
export interface Pace {
  readonly keys: number
  /** Of each process. */
  readonly perSecond: number
}

const WARM_MS = 2000

/** ms of a clock that all processes of this machine share. */
export const sharedMs = (): number => Number(process.hrtime.bigint()) / 1e6

/** Processes that each read through a cache at a steady pace. */
export class SteadyCallers {
  readonly workers: readonly Worker[]

  private constructor(workers: readonly Worker[]) {
    this.workers = workers
  }

  /** Starts them; all keys are stored, and known to all of them, when the promise resolves. */
  static async start(
    redis: string,
    count: number,
    pace: Pace,
    options: Record<string, unknown> = {},
  ): Promise<SteadyCallers> {
    const callers = await SteadyCallers.idle(redis, count, options)
    await Promise.all(
      callers.workers.map((worker, i) => worker.call('begin', { ...pace, first: Math.floor((i * pace.keys) / count) })),
    )
    await delay(Math.max(WARM_MS, (2000 * pace.keys) / pace.perSecond))
    await callers.take()
    return callers
  }

  /** Starts them, and they call nothing. */
  static async idle(
    redis: string | readonly string[],
    count: number,
    options: Record<string, unknown> = {},
  ): Promise<SteadyCallers> {
    const module = new URL('../workers/steady-calls.mjs', import.meta.url)
    const workers = await Promise.all(Array.from({ length: count }, () => startWorker(module)))
    await Promise.all(workers.map((worker) => worker.call('open', { redis, keyPrefix: 'measured', ...options })))
    return new SteadyCallers(workers)
  }

  /** Redis is away: from now on its first answer to each process is waited for. */
  async mark(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.call('mark')))
  }

  /** When Redis first answered each of them after the mark. */
  async firstAnswersMs(): Promise<number[]> {
    const answers = await until(
      async () => {
        const all = await Promise.all(this.workers.map((worker) => worker.call<number | undefined>('firstAnswerMs')))
        return all.every((each) => each !== undefined) && all
      },
      'Redis answers all processes',
      20_000,
    )
    return answers as number[]
  }

  /** What came of each process's calls since this was asked last. */
  async take(): Promise<Called[]> {
    return Promise.all(this.workers.map((worker) => worker.call<Called>('take')))
  }

  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()))
  }
}

/** Freezes a server for so long. */
export async function freeze(server: RedisServer, forMs: number): Promise<void> {
  server.stop()
  await delay(forMs)
  server.resume()
}
