import { randomUUID } from 'node:crypto'
import { realTime } from '../../../checks/real-time.js'
import type { Client } from '../connection/client.js'
import { HOLD_UPKEEP } from '../scripts/upkeep-scripts.js'
import type { Shards } from './shards.js'

/** For how long one turn goes on while there is more to do, with a rest after each step that lets other commands run. */
const TURN_MS = 500
const REST_MS = 10

/** What `IndexUpkeep` needs. */
export interface UpkeepSetting {
  readonly client: Client
  readonly shards: Shards
  /** For how long a process has the upkeep. It asks for more time after half of that. */
  readonly leaseMs: number
  /** Called each time this process gets the upkeep, or more time for it. */
  readonly onHeld: () => Promise<unknown>
}

/** The upkeep of all shards, by one of all processes: the others ask again when its lease may have ended. */
export class IndexUpkeep {
  readonly #setting: UpkeepSetting
  readonly #token = randomUUID()
  /** From when on this process asks for the upkeep, and until when it has it. */
  #askMs = 0
  #heldMs = 0
  /** The shards of the present round, each visited in steps, in turn. */
  #visits: AsyncGenerator<boolean, void>[] = []
  #underWay = 0

  constructor(setting: UpkeepSetting) {
    this.#setting = setting
  }

  /** What is due now. Each sends one command if there is little to do: on a Cluster, one to each server, about. */
  due(): (() => Promise<void>)[] {
    const nowMs = realTime.nowMs()
    const steps = nowMs < this.#heldMs ? this.#setting.client.masters().map(() => () => this.#step()) : []
    return nowMs < this.#askMs ? steps : [() => this.#hold(), ...steps]
  }

  async #hold(): Promise<void> {
    const { shards, leaseMs, onHeld } = this.#setting
    const { connection, keyspace } = shards.first
    const askedMs = realTime.nowMs()
    const leftMs = (await connection.run(HOLD_UPKEEP, [keyspace.sweeper], [this.#token, leaseMs])) as number
    const isHeld = leftMs === 0
    this.#askMs = askedMs + (isHeld ? leaseMs / 2 : leftMs)
    this.#heldMs = isHeld ? askedMs + leaseMs : 0
    if (isHeld) await onHeld()
  }

  async #step(): Promise<void> {
    const { client, shards } = this.#setting
    const masters = client.masters().length
    // The last turn still has much to do.
    if (this.#underWay >= masters) return
    const share = Math.min(1, masters / shards.all.length)
    if (this.#visits.length === 0) this.#visits = shards.all.map(({ upkeep }) => upkeep.visit(share))
    const visit = this.#visits.shift() as AsyncGenerator<boolean, void>
    this.#underWay++
    try {
      if (!(await this.#goOn(visit))) this.#visits.push(visit)
    } finally {
      this.#underWay--
    }
  }

  /** Gives whether the visit is over. */
  async #goOn(visit: AsyncGenerator<boolean, void>): Promise<boolean> {
    const endMs = realTime.nowMs() + TURN_MS
    for (;;) {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, one after the other
      const { done, value: atOnce } = await visit.next()
      if (done === true) return true
      if (!atOnce || realTime.nowMs() >= endMs) return false
      // eslint-disable-next-line no-await-in-loop
      await realTime.pause(REST_MS)
    }
  }
}
