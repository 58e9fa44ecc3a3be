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
interface Waiting {
  readonly key: string
  readonly found: (bytes: Bytes) => unknown
  readonly failed: (error: unknown) => unknown
  readonly resolve: (made: any) => void
  readonly reject: (error: unknown) => void
  /** Others that ask for the same. */
  same: Waiting[] | undefined
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
  read<T>(
    key: string,
    found: (bytes: Bytes) => T | Promise<T>,
    failed: (error: unknown) => T | Promise<T>,
  ): Promise<T> {
    if (this.#nagle.sendsAtOnce) return this.#nagle.sent(this.#shards.of(key).read(key)).then(found, failed)
    if (this.isEmpty) setImmediate(this.flush)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, found, failed, resolve, reject, same: undefined })
    })
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
      (all) => {
        for (let i = 0; i < firsts.length; i++) tell(firsts[i] as Waiting, ({ found }) => found(all[i]))
      },
      (error: unknown) => {
        for (const first of firsts) tell(first, ({ failed }) => failed(error))
      },
    )
  }
}

/** Settles a read, and those of the same key, with what each makes of the answer. */
function tell(read: Waiting, make: (read: Waiting) => unknown): void {
  try {
    read.resolve(make(read))
  } catch (error) {
    read.reject(error)
  }
  for (const other of read.same ?? []) tell(other, make)
}

/** The first read of each key, which knows the others. Mostly there are none, which a set tells in half the time. */
function firstOfEach(waiting: readonly Waiting[]): readonly Waiting[] {
  const keys = new Set<string>()
  for (const { key } of waiting) keys.add(key)
  if (keys.size === waiting.length) return waiting
  const firsts = new Map<string, Waiting>()
  for (const read of waiting) {
    const first = firsts.get(read.key)
    if (first === undefined) firsts.set(read.key, read)
    else (first.same ??= []).push(read)
  }
  return [...firsts.values()]
}
