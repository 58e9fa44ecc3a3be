import { setTimeout as delay } from 'node:timers/promises'
import { EventLoopDelay } from './event-loop.js'

const TICK_MS = 2

/** How the calls of one phase ended; times in ms, not counting when this process got no turn. */
export interface Latencies {
  readonly calls: number
  readonly failed: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  /** How many took longer than this beyond the p50 of another phase. */
  slowerThan(ms: number): number
}

/** Calls that come at a steady pace, whether or not those before have ended, as visitors do. */
export class Traffic {
  readonly errors: unknown[] = []
  readonly #call: (i: number) => Promise<unknown>
  readonly #perSecond: number
  readonly #phases = new Map<string, number[]>()
  readonly #failed = new Map<string, number>()
  readonly #underWay = new Set<Promise<void>>()
  readonly #timer: NodeJS.Timeout
  readonly #eventLoop = new EventLoopDelay()
  #phase: string
  #begunMs = performance.now()
  #issued = 0
  #i = 0

  constructor(perSecond: number, phase: string, call: (i: number) => Promise<unknown>) {
    this.#perSecond = perSecond
    this.#phase = phase
    this.#call = call
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /** What begins from now on counts under this name. */
  enter(phase: string): void {
    this.#phase = phase
  }

  /** Calls for so long; gives the figures of what began in this phase until then, once all of it has ended. */
  async during(phase: string, ms: number): Promise<Latencies> {
    this.enter(phase)
    await delay(ms)
    await Promise.all(this.#underWay)
    return this.latencies(phase)
  }

  latencies(phase: string): Latencies {
    const times = (this.#phases.get(phase) ?? []).toSorted((a, b) => a - b)
    const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0
    return {
      calls: times.length,
      failed: this.#failed.get(phase) ?? 0,
      p50: at(0.5),
      p99: at(0.99),
      max: at(1),
      slowerThan: (ms) => times.filter((each) => each > ms).length,
    }
  }

  /** Ends the calls, and waits for those that are under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#eventLoop.stop()
    await Promise.all(this.#underWay)
  }

  #tick(): void {
    const due = Math.floor(((performance.now() - this.#begunMs) / 1000) * this.#perSecond) - this.#issued
    // what a blocked event loop has missed is not made up for: that would be a load of its own
    const now = Math.min(due, Math.ceil((this.#perSecond / 1000) * TICK_MS * 10))
    this.#issued += due
    for (let n = 0; n < now; n++) {
      const one = this.#one(this.#phase, this.#i++)
      this.#underWay.add(one)
      void one.then(() => this.#underWay.delete(one))
    }
  }

  async #one(phase: string, i: number): Promise<void> {
    const begunMs = performance.now()
    const delayMs = this.#eventLoop.sumMs
    try {
      await this.#call(i)
    } catch (error) {
      this.#failed.set(phase, (this.#failed.get(phase) ?? 0) + 1)
      if (this.errors.push(error) > 100) this.errors.shift()
    }
    const delayedMs = this.#eventLoop.sumMs - delayMs
    const tookMs = Math.max(0, performance.now() - begunMs - delayedMs)
    const times = this.#phases.get(phase)
    if (times === undefined) this.#phases.set(phase, [tookMs])
    else times.push(tookMs)
  }
}
