import { realTime } from '../../../checks/real-time.js'
import type { Client } from '../connection/client.js'
import { ADOPT, BEGIN_INDEX, BEGIN_REBUILD, END_REBUILD } from '../scripts/index-scripts.js'
import { STORED, storedName } from '../scripts/stored-layout.js'
import type { Shard } from '../shard/shard.js'
import type { Shards } from './shards.js'

const SCAN_COUNT = 1000
/** One process rebuilds. Another one takes over when the first gives no sign for this long. */
const SILENCE_MS = 10_000
/** An index that is lost again and again, as under `allkeys-*` policies, is not rebuilt more often than this. */
const REBUILD_EVERY_MS = 5000
/** A process that waits for another's rebuild looks this often, and waits for at most so long. */
const LOOK_EVERY_MS = 50
const WAIT_MS = 30_000

/** Makes the index whole again from the entries themselves, where it was lost or never begun. */
export class IndexRebuild {
  readonly #client: Client
  readonly #entries: string
  #underWay: Promise<void> | undefined

  constructor(client: Client, keyPrefix: string) {
    this.#client = client
    this.#entries = storedName(keyPrefix, STORED.entry, '')
  }

  /** Marks the index as whole. Only for an empty Redis: all that is written from now on is in the index. */
  async begin(shards: Shards): Promise<void> {
    await this.#lost(shards, true)
  }

  /** Resolves when the index is whole: at once, after this process has rebuilt it, or after another one has. */
  done(shards: Shards): Promise<void> {
    this.#underWay ??= this.#makeWhole(shards).finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  /** Visits the keys of all entries, whatever the index holds. A key may be visited twice. */
  async scan(shards: Shards, visit: (shard: Shard, keys: string[]) => Promise<unknown>): Promise<void> {
    let seen = ''
    do {
      const masters = this.#client.masters()
      seen = addresses(masters)
      // eslint-disable-next-line no-await-in-loop -- once more only where another server has taken over meanwhile
      await Promise.all(
        masters.map(async (master) => {
          let cursor = '0'
          do {
            // eslint-disable-next-line no-await-in-loop -- a cursor goes on from the last answer
            const [next, names] = await this.#client.scan(master, this.#entries, cursor, SCAN_COUNT)
            // eslint-disable-next-line no-await-in-loop
            await Promise.all(shards.all.map((shard) => visitOwn(shard, names, visit)))
            cursor = next
          } while (cursor !== '0')
        }),
      )
    } while (addresses(this.#client.masters()) !== seen)
  }

  async #makeWhole(shards: Shards): Promise<void> {
    const giveUpMs = realTime.nowMs() + WAIT_MS
    let lost = await this.#lost(shards, await this.#client.isEmpty())
    while (lost.length > 0) {
      // eslint-disable-next-line no-await-in-loop -- looks again until it is whole
      if (await this.#rebuild(shards, lost)) return
      if (realTime.nowMs() > giveUpMs) throw new Error('the index is not whole, and was being rebuilt for too long')
      // eslint-disable-next-line no-await-in-loop
      await realTime.pause(LOOK_EVERY_MS)
      // eslint-disable-next-line no-await-in-loop
      lost = await this.#lost(shards, false)
    }
  }

  /** The shards whose index is not whole. */
  async #lost({ all }: Shards, isEmpty: boolean): Promise<Shard[]> {
    const whole = await Promise.all(
      all.map(({ keyspace: { index, expiry } }) => this.#client.run(BEGIN_INDEX, [index, expiry], [isEmpty ? 1 : 0])),
    )
    return all.filter((_, i) => whole[i] !== 1)
  }

  /** Rebuilds, unless another process does or has just done so. Gives whether the index is whole now. */
  async #rebuild(shards: Shards, lost: readonly Shard[]): Promise<boolean> {
    const { connection, keyspace } = shards.first
    const token = 1 + Math.floor(Math.random() * 2 ** 48)
    const mine = await connection.send((redis) => redis.set(keyspace.rebuild, token, 'PX', SILENCE_MS, 'NX'))
    if (mine === null) {
      // It lasts longer than anybody takes it where the server's clock was set back.
      await connection.send((redis) => redis.pexpire(keyspace.rebuild, SILENCE_MS, 'LT'))
      return false
    }
    const run = async (shard: Shard, script: typeof BEGIN_REBUILD): Promise<boolean> => {
      const { index, expiry } = shard.keyspace
      return (await shard.connection.run(script, [index, expiry], [token])) === 1
    }
    await Promise.all(lost.map((shard) => run(shard, BEGIN_REBUILD)))
    await this.scan(shards, async (shard, keys) => {
      const { index, expiry } = shard.keyspace
      const entries = keys.map((key) => shard.keyspace.entry(key))
      await shard.connection.run(ADOPT, [index, expiry, ...entries], keys)
      await connection.send((redis) => redis.pexpire(keyspace.rebuild, SILENCE_MS))
    })
    const ended = await Promise.all(lost.map((shard) => run(shard, END_REBUILD)))
    await connection.send((redis) => redis.pexpire(keyspace.rebuild, REBUILD_EVERY_MS))
    return ended.every(Boolean)
  }
}

/** Visits those names that are of a shard. In these the shard's hash tag comes first, then the key. */
async function visitOwn(
  shard: Shard,
  names: readonly string[],
  visit: (shard: Shard, keys: string[]) => Promise<unknown>,
): Promise<void> {
  const { hashTag } = shard.keyspace
  const keys = names.flatMap((name) => (name.startsWith(hashTag) ? [name.slice(hashTag.length)] : []))
  if (keys.length > 0) await visit(shard, keys)
}

function addresses(masters: ReturnType<Client['masters']>): string {
  return masters
    .map(({ options: { host, port } }) => `${host}:${port}`)
    .toSorted()
    .join(' ')
}
