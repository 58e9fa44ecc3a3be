import type { Client } from './client.js'

const FORMAT = '1'

/** What all processes that share a prefix must have in common: the first one says it, the others go by it. */
export class Meta {
  readonly #client: Client
  readonly #name: string

  constructor(client: Client, keyPrefix: string) {
    this.#client = client
    this.#name = `${keyPrefix}:meta`
  }

  /** How many shards there are: what the first process said, which is this one where nobody did. @throws {Error} where the names are of a newer format. */
  async agree(shards: number): Promise<number> {
    const said = await this.#client.send((redis) => redis.hgetall(this.#name))
    const mine = { format: FORMAT, shards: String(shards) }
    for (const [field, value] of Object.entries(mine)) {
      if (said[field] !== undefined) continue
      // eslint-disable-next-line no-await-in-loop -- two fields, once for each connection
      const first = await this.#client.send((redis) => redis.hsetnx(this.#name, field, value))
      if (first === 0) return this.agree(shards)
      said[field] = value
    }
    if (said['format'] !== FORMAT) {
      throw new Error(`the names under this prefix are of format ${said['format']}, and this version knows ${FORMAT}`)
    }
    const agreed = Number(said['shards'])
    if (agreed === 1 || agreed === 16 || agreed === 64) return agreed
    throw new Error(`Expected ${this.#name} to say 1, 16 or 64 shards, got ${said['shards']}`)
  }
}
