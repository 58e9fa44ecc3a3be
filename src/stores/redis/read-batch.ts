import { Nagle } from './nagle.js'
import { pieces } from './pieces.js'
import type { Shard } from './shard.js'
import type { Shards } from './shards.js'

/** How many keys one command asks for. */
const KEYS_A_COMMAND = 500
/** How many it asks for at least, where there are so many. */
const KEYS_AT_LEAST = 16

type Bytes = Buffer | undefined

/** A read that waits for the end of the turn, for all who ask for its key until then. */
class Waiting {
  readonly key: string
  readonly answer: Promise<Bytes>
  resolve!: (bytes: Bytes) => void
  reject!: (error: unknown) => void

  constructor(key: string) {
    this.key = key
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }
}

/**
 * Merges reads that come close together into one or two commands for each shard. What several ask for is sent once, and nobody is given
 * the answer to what was sent before he asked. Whoever changes a key that waits here lets all go out first.
 */
export class ReadBatch {
  readonly #shards: Shards
  readonly #nagle = new Nagle()
  #waiting = new Map<string, Waiting>()

  constructor(shards: Shards) {
    this.#shards = shards
  }

  /** As `Store.read`. */
  read(key: string): Promise<Bytes> {
    if (this.#nagle.sendsAtOnce) return this.#nagle.sent(this.#shards.of(key).read(key))
    let waiting = this.#waiting.get(key)
    if (waiting === undefined) {
      if (this.#waiting.size === 0) setImmediate(this.flush)
      waiting = new Waiting(key)
      this.#waiting.set(key, waiting)
    }
    return waiting.answer
  }

  /** Lets out all that waits, if this key is among it. */
  flushFor(key: string): void {
    if (this.#waiting.size > 0 && this.#waiting.has(key)) this.flush()
  }

  /** Lets out all that waits. */
  readonly flush = (): void => {
    if (this.#waiting.size === 0) return
    const all = [...this.#waiting.values()]
    this.#waiting = new Map()
    this.#nagle.turned(all.length)
    this.#shards.send(
      all,
      ({ key }) => key,
      (shard, items) => {
        for (const some of pieces(items, KEYS_A_COMMAND, KEYS_AT_LEAST)) this.#send(shard, some)
      },
    )
  }

  #send(shard: Shard, some: readonly Waiting[]): void {
    this.#nagle.sent(shard.readMany(some.map(({ key }) => key))).then(
      (found) => {
        for (const [i, { resolve }] of some.entries()) resolve(found[i])
      },
      (error: unknown) => {
        for (const { reject } of some) reject(error)
      },
    )
  }
}
