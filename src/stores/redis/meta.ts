import type { Client } from './connection/client.js'
import { FORMAT, STORED, storedName } from './scripts/stored-layout.js'

/** The settings that all processes with the same prefix share. The first process writes them, and the others follow them. */
export class Meta {
  readonly #client: Client
  readonly #name: string

  constructor(client: Client, keyPrefix: string) {
    this.#client = client
    this.#name = storedName(keyPrefix, STORED.meta, '')
  }

  /**
   * The number of shards that the first process wrote. If none has, this process writes `shards`.
   * @throws {Error} when the names are of another format, or the number is not 1, 16 or 64.
   */
  async agree(shards: number): Promise<number> {
    const said = await this.#client.send((redis) => redis.hgetall(this.#name))
    const mine = { format: FORMAT, shards: String(shards) }
    const unsaid = Object.entries(mine).filter(([field]) => said[field] === undefined)
    if (unsaid.length > 0) {
      // Another process may be quicker. Then its settings count.
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
