import { startWorker, type Worker } from './worker.js'

export const FACTORY_MS = 300
const DELETE_EVERY_MS = 100
const READS_A_SECOND = 40

/** How a key is voided. */
export type Way = 'delete' | 'children' | 'tag' | 'clear'

/** How long calls waited, as multiples of the time of the factory, sorted, and how often it ran. */
export interface OftenVoided {
  readonly waits: readonly number[]
  readonly deletes: number
  /** In the process with the most of them. */
  readonly runs: number
}

/** Processes that read one key steadily while it is voided every 100 ms. */
export class OftenVoidedProcesses {
  readonly #workers: readonly Worker[]

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers
  }

  /** Starts processes, each with a cache. */
  static async start(count: number, options: Record<string, unknown>): Promise<OftenVoidedProcesses> {
    const module = new URL('../workers/often-voided.mjs', import.meta.url)
    const workers = await Promise.all(Array.from({ length: count }, () => startWorker(module)))
    await Promise.all(workers.map((worker) => worker.call('open', options)))
    return new OftenVoidedProcesses(workers)
  }

  /** Reads in all processes, and voids in the first, which goes on as long as anybody may still wait. */
  async read(way: Way, lastsMs: number): Promise<OftenVoided> {
    const untilMs = Number(process.hrtime.bigint()) / 1e6 + lastsMs
    const removing = { way, everyMs: DELETE_EVERY_MS, untilMs: untilMs + 3 * FACTORY_MS }
    const deleting = this.#workers[0]!.call<number>('remove', removing)
    const reading = { perSecond: READS_A_SECOND, factoryMs: FACTORY_MS, untilMs }
    const read = await Promise.all(
      this.#workers.map((worker) => worker.call<{ waits: number[]; runs: number }>('read', reading)),
    )
    return {
      waits: read.flatMap(({ waits }) => waits.map((ms) => ms / FACTORY_MS)).toSorted((a, b) => a - b),
      deletes: await deleting,
      runs: Math.max(...read.map(({ runs }) => runs)),
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.call('close')))
    await Promise.all(this.#workers.map((worker) => worker.close()))
  }
}

/** The wait that this share of the calls does not exceed. */
export function waitOf({ waits }: OftenVoided, share: number): number {
  return waits[Math.min(waits.length - 1, Math.floor(share * waits.length))] ?? Number.NaN
}
