import { realTime } from '../../../checks/real-time.js'
import type { Client } from '../connection/client.js'
import { BEGIN_UPKEEP } from '../scripts/index-scripts.js'
import { NAMES_PER_SCRIPT } from '../shard/chunks.js'
import type { Shards } from './shards.js'

/** A little less than the time between two rounds, so that some process does each round. */
const ROUND_MS = 450
const REST_MS = 10

/**
 * Upkeep, again and again, by one of all processes. Drops the names of expired, removed and evicted entries from the index and from the
 * sets of the tags, and the leases of dead processes.
 */
export class IndexUpkeep {
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  /** Does one round, unless another process does it. Gives whether this one did. */
  async round(shards: Shards): Promise<boolean> {
    const { connection, keyspace } = shards.first
    if ((await connection.run(BEGIN_UPKEEP, [keyspace.sweeper], [ROUND_MS])) !== 1) return false
    const share = Math.min(1, this.#client.masters().length / shards.all.length)
    await Promise.all(shards.all.map((shard) => shard.evictions.sweep(share)))
    const endMs = realTime.nowMs() + ROUND_MS / 2
    await Promise.all(
      shards.all.flatMap(({ index, leases, tags }) => [
        untilDone(async () => (await index.pruneOnce()) === NAMES_PER_SCRIPT, endMs),
        untilDone(async () => (await index.forgetOnce()) === NAMES_PER_SCRIPT, endMs),
        untilDone(() => leases.pruneOnce(), endMs),
        untilDone(() => tags.pruneOnce(), endMs),
      ]),
    )
    return true
  }
}

/** Repeats a bounded step while there is more to do, until `endMs`. */
async function untilDone(step: () => Promise<boolean>, endMs: number): Promise<void> {
  // A rest after each step lets other commands run.
  while ((await step()) && realTime.nowMs() < endMs) await realTime.pause(REST_MS)
}
