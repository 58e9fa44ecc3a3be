import type { CycleProbe, Store } from '../../contract/store.js'
import type { Followed, FactoryLink, Wait } from '../factories/factory-chain.js'
import { waitsFrom, type WaitPath } from '../factories/factory-wait.js'
import { nextToken } from '../leases/lease-token.js'

/** A probe that has come further than this goes no further: a trail of about 60 waits. */
const LONGEST_TRAIL = 2000
/** The most trails that are remembered. There are as many as ways round, and mostly one. */
const MOST_TRAILS = 100

/**
 * Finds factories of several processes that wait for each other in a circle. A factory that has waited for another process for some time
 * sends a probe after the computation that it waits for. The process that has this computation sends the probe on, after all that the
 * factory waits for. A probe that comes back has gone round a cycle (Chandy, Misra and Haas, Distributed Deadlock Detection, 1983).
 *
 * Waits may also end by themselves, for example by a `timeout`, so that the first wait has ended when the probe meets the last one. So a
 * cycle counts when a second probe, sent after the first had come back, has met the very same waits: all of them lasted from the first probe
 * to the second. Probes may be lost. Then the cycle ends with `maxCompute`.
 */
export class CycleProbes {
  readonly #store: Store
  /** The factories that run here under a lease, by its token. */
  readonly #leading = new Map<string, FactoryLink>()

  constructor(store: Store) {
    this.#store = store
    store.onCycleProbe((probe) => this.#hear(probe))
  }

  /** Says that a factory runs under a lease. */
  lead(token: string, link: FactoryLink): void {
    this.#leading.set(token, link)
  }

  /** Says that the lease has ended. */
  end(token: string): void {
    this.#leading.delete(token)
  }

  /** Says that a computation of this process follows the one with this token. */
  follow(token: string): Followed {
    return new Follower(token, (probe) => void this.#store.sendCycleProbe(probe).catch(() => 'the next one may arrive'))
  }

  #hear(probe: CycleProbe): void {
    const link = this.#leading.get(probe.after)
    // What has been here goes round a cycle that it did not begin in.
    if (link === undefined || probe.trail.includes(`${probe.after}:`)) return
    for (const path of waitsFrom(link)) {
      const { wait } = path
      wait.on.followed?.pass({ ...probe, trail: `${probe.trail}${probe.after}:${numbersOf(path)};` }, wait)
    }
  }
}

function numbersOf(path: WaitPath): string {
  const numbers: number[] = []
  for (let at: WaitPath | undefined = path; at !== undefined; at = at.before) numbers.push(at.wait.number)
  return numbers.join(',')
}

class Follower implements Followed {
  readonly #token: string
  readonly #id: string = nextToken()
  readonly #send: (probe: CycleProbe) => void
  /** The trails of probes that have come back, and the first round in which they did. */
  readonly #trails = new Map<string, number>()
  #round = 0

  constructor(token: string, send: (probe: CycleProbe) => void) {
    this.#token = token
    this.#send = send
  }

  ask(): void {
    this.#round++
    this.#send({ from: this.#id, round: this.#round, after: this.#token, trail: '' })
  }

  pass(probe: CycleProbe, wait: Wait): void {
    const { from, round, trail } = probe
    if (from !== this.#id) {
      if (trail.length <= LONGEST_TRAIL) this.#send({ ...probe, after: this.#token })
      return
    }
    const first = this.#trails.get(trail) ?? round
    if (first < round) wait.refuse()
    else if (this.#trails.size < MOST_TRAILS) this.#trails.set(trail, first)
  }
}
