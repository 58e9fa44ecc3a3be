import { Nagle } from './nagle.js'
import { pieces } from './pieces.js'
import type { Shard } from './shard.js'
import type { Shards } from './shards.js'

/** How many keys one command asks for. */
const KEYS_A_COMMAND = 500
/** How many it asks for at least, where there are so many. */
const KEYS_AT_LEAST = 32

type Bytes = Buffer | undefined

/** A read that waits for the end of the turn. */
class Waiting {
  readonly key: string
  readonly answer: Promise<Bytes>
  resolve!: (bytes: Bytes | Promise<Bytes>) => void
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
 * the answer to what was sent before he asked. Whoever changes a key lets out first what waits here.
 */
export class ReadBatch {
  readonly #shards: Shards
  readonly #nagle = new Nagle()
  #waiting: Waiting[] = []

  constructor(shards: Shards) {
    this.#shards = shards
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** As `Store.read`. */
  read(key: string): Promise<Bytes> {
    if (this.#nagle.sendsAtOnce) return this.#nagle.sent(this.#shards.of(key).read(key))
    if (this.isEmpty) setImmediate(this.flush)
    const waiting = new Waiting(key)
    this.#waiting.push(waiting)
    return waiting.answer
  }

  /** Lets out all that waits. */
  readonly flush = (): void => {
    if (this.isEmpty) return
    const firsts = firstOfEach(this.#waiting)
    this.#waiting = []
    const { commands } = this.#nagle
    this.#nagle.turned(firsts.length)
    this.#shards.send(
      firsts,
      ({ key }) => key,
      (shard, items) => {
        for (const some of pieces(items, commands, KEYS_AT_LEAST, KEYS_A_COMMAND)) this.#send(shard, some)
      },
    )
  }

  #send(shard: Shard, firsts: readonly Waiting[]): void {
    this.#nagle.sent(shard.readMany(firsts.map(({ key }) => key))).then(
      (found) => {
        for (const [i, { resolve }] of firsts.entries()) resolve(found[i])
      },
      (error: unknown) => {
        for (const { reject } of firsts) reject(error)
      },
    )
  }
}

/** The first read of each key. The others are told what it is told. */
function firstOfEach(waiting: readonly Waiting[]): Waiting[] {
  const firsts = new Map<string, Waiting>()
  for (const read of waiting) {
    const first = firsts.get(read.key)
    if (first === undefined) firsts.set(read.key, read)
    else read.resolve(first.answer)
  }
  return [...firsts.values()]
}
