import { ChangedAnswer } from './reasons/changed-answer.js'
import type { Client } from './connection/client.js'
import { FORMAT, STORED, storedName } from './scripts/stored-layout.js'

type Said = readonly [format: string | null, shards: string | null]

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
    const before = await this.#read()
    const [format, agreed] = before.includes(null) ? await this.#write(shards) : before
    if (format !== FORMAT) {
      throw new Error(`the names under this prefix are of format ${format}, and this version knows ${FORMAT}`)
    }
    const number = Number(agreed)
    if (number === 1 || number === 16 || number === 64) return number
    throw new Error(`Expected ${this.#name} to say 1, 16 or 64 shards, got ${agreed}`)
  }

  async #read(): Promise<Said> {
    const fields = ['format', 'shards'] as const
    const said = await Promise.all(fields.map((field) => this.#client.send((redis) => redis.hget(this.#name, field))))
    if (!said.every((each) => each === null || typeof each === 'string')) throw new ChangedAnswer('HGET')
    return said as unknown as Said
  }

  /** Writes what is not there yet. Another process may be quicker. Then its settings count. */
  async #write(shards: number): Promise<Said> {
    const mine = Object.entries({ format: FORMAT, shards: String(shards) })
    await Promise.all(
      mine.map(([field, value]) => this.#client.send((redis) => redis.hsetnx(this.#name, field, value))),
    )
    const said = await this.#read()
    if (said.includes(null)) throw new Error(`${this.#name} was written, and is not there`)
    return said
  }
}
