import type { Client } from './connection/client.js'
import { FORMAT, STORED, storedName } from './scripts/stored-layout.js'

/** What all processes that share a prefix must have in common: the first one says it, the others go by it. */
export class Meta {
  readonly #client: Client
  readonly #name: string

  constructor(client: Client, keyPrefix: string) {
    this.#client = client
    this.#name = storedName(keyPrefix, STORED.meta, '')
  }

  /** How many shards there are: what the first process said, which is this one where nobody did. @throws {Error} where the names are of a newer format. */
  async agree(shards: number): Promise<number> {
    const said = await this.#client.send((redis) => redis.hgetall(this.#name))
    const mine = { format: FORMAT, shards: String(shards) }
    const unsaid = Object.entries(mine).filter(([field]) => said[field] === undefined)
    if (unsaid.length > 0) {
      // Another process may be quicker: then what it says counts.
      await Promise.all(
        unsaid.map(([field, value]) => this.#client.send((redis) => redis.hsetnx(this.#name, field, value))),
      )
      return this.agree(shards)
    }
    if (said['format'] !== FORMAT) {
      throw new Error(`the names under this prefix are of format ${said['format']}, and this version knows ${FORMAT}`)
    }
    const agreed = Number(said['shards'])
    if (agreed === 1 || agreed === 16 || agreed === 64) return agreed
    throw new Error(`Expected ${this.#name} to say 1, 16 or 64 shards, got ${said['shards']}`)
  }
}
