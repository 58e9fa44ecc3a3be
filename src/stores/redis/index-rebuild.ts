import { setTimeout as delay } from 'node:timers/promises'
import type { Connection } from './connection.js'
import type { Keyspace } from './keyspace.js'
import { ADOPT, BEGIN_INDEX, BEGIN_REBUILD, END_REBUILD } from './index-scripts.js'

const SCAN_COUNT = 1000
/** One process rebuilds: another one takes over when it has been silent for this long. */
const SILENCE_MS = 10_000
/** An index that is lost again and again, as under `allkeys-*` policies, is not rebuilt more often than this. */
const REBUILD_EVERY_MS = 5000
/** How often one who waits for another's rebuild looks, and how long it waits. */
const LOOK_EVERY_MS = 50
const WAIT_MS = 30_000

/** Makes the index whole again from the entries themselves, where it was lost or never begun. */
export class IndexRebuild {
  readonly #connection: Connection
  readonly #keyspace: Keyspace
  #underWay: Promise<void> | undefined

  constructor(connection: Connection, keyspace: Keyspace) {
    this.#connection = connection
    this.#keyspace = keyspace
  }

  /** Resolves when the index is whole: at once, after this process has rebuilt it, or after another one has. */
  done(): Promise<void> {
    this.#underWay ??= this.#makeWhole().finally(() => {
      this.#underWay = undefined
    })
    return this.#underWay
  }

  /** Visits the keys of all entries in the database, whatever the index says. */
  async scan(visit: (keys: string[]) => Promise<unknown>): Promise<void> {
    let cursor = '0'
    do {
      // eslint-disable-next-line no-await-in-loop -- a cursor goes on from the last answer
      const [next, keys] = await this.#connection.scan(this.#keyspace.entry(''), cursor, SCAN_COUNT)
      // eslint-disable-next-line no-await-in-loop
      if (keys.length > 0) await visit(keys)
      cursor = next
    } while (cursor !== '0')
  }

  async #makeWhole(): Promise<void> {
    const giveUpMs = performance.now() + WAIT_MS
    while (!(await this.#isWhole())) {
      // eslint-disable-next-line no-await-in-loop -- looks again until it is whole
      if (await this.#rebuild()) return
      if (performance.now() > giveUpMs) throw new Error('the index is not whole, and was being rebuilt for too long')
      // eslint-disable-next-line no-await-in-loop
      await delay(LOOK_EVERY_MS)
    }
  }

  async #isWhole(): Promise<boolean> {
    const { index, expiry } = this.#keyspace
    return (await this.#connection.run(BEGIN_INDEX, [index, expiry], [])) === 1
  }

  /** Rebuilds, unless another process does or has just done so. Gives whether the index is whole now. */
  async #rebuild(): Promise<boolean> {
    const { index, expiry, rebuild } = this.#keyspace
    const token = 1 + Math.floor(Math.random() * 2 ** 48)
    const mine = await this.#connection.send((client) => client.set(rebuild, token, 'PX', SILENCE_MS, 'NX'))
    if (mine === null) return false
    await this.#connection.run(BEGIN_REBUILD, [index, expiry], [token])
    await this.scan(async (keys) => {
      const entries = keys.map((key) => this.#keyspace.entry(key))
      await this.#connection.run(ADOPT, [index, expiry, ...entries], keys)
      await this.#connection.send((client) => client.pexpire(rebuild, SILENCE_MS))
    })
    const isWhole = (await this.#connection.run(END_REBUILD, [index, expiry], [token])) === 1
    await this.#connection.send((client) => client.pexpire(rebuild, REBUILD_EVERY_MS))
    return isWhole
  }
}
