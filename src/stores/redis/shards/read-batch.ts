import { realTime } from '../../../checks/real-time.js'
import { Nagle } from './nagle.js'
import { splitEvenly } from '../shard/split-evenly.js'
import type { Shards } from './shards.js'

/** The most keys in one command. */
const KEYS_PER_COMMAND = 500
/** The least keys in one command, if there are that many. */
const KEYS_AT_LEAST = 32
/** How many commands for each shard the keys of one large call are divided into. */
const COMMANDS_PER_CALL = 4

type Bytes = Buffer | undefined

/** A read that waits for the end of the turn. */
interface Waiting {
  readonly key: string
  readonly found: (bytes: Bytes, nowMs: number) => unknown
  readonly resolve: (made: any) => void
  readonly reject: (error: unknown) => void
  /** Other reads of the same key. */
  same: Waiting[] | undefined
}

/**
 * Merges reads that come close together into one or two commands for each shard. A key that several reads ask for is sent once. No read
 * gets the answer to a command that was sent before it. Whoever changes a key must first flush the reads that wait.
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
  read<T>(key: string, found: (bytes: Bytes, nowMs: number) => T | Promise<T>): Promise<T> {
    if (this.#nagle.sendsAtOnce) {
      const shard = this.#shards.of(key)
      return this.#nagle.sent(shard.read(key)).then((bytes) => found(bytes, shard.now()))
    }
    if (this.isEmpty) realTime.setImmediate(this.flush)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, found, resolve, reject, same: undefined })
    })
  }

  /** As `Store.readMany`. Sends several commands to each shard, so that it runs one while this process parses the answer to another. */
  async readMany<T>(
    keys: readonly string[],
    found: (bytes: Bytes, nowMs: number, place: number) => T,
    failed: (error: unknown, place: number) => T,
  ): Promise<T[]> {
    const made: T[] = []
    await this.#ask(
      keys.map((key, place) => ({ key, place })),
      COMMANDS_PER_CALL,
      ({ place }, bytes, nowMs) => {
        made[place] = found(bytes, nowMs, place)
      },
      ({ place }, error) => {
        made[place] = failed(error, place)
      },
    )
    return made
  }

  /** Sends all reads that wait. */
  readonly flush = (): void => {
    if (this.isEmpty) return
    const firsts = firstOfEach(this.#waiting)
    this.#waiting = []
    const { commands } = this.#nagle
    this.#nagle.turned(firsts.length)
    void this.#ask(firsts, commands, tell, fail)
  }

  /** Asks each shard for its keys, with up to `commands` commands, and calls `found` or `failed` for each item. */
  async #ask<Item extends { readonly key: string }>(
    items: readonly Item[],
    commands: number,
    found: (item: Item, bytes: Bytes, nowMs: number) => void,
    failed: (item: Item, error: unknown) => void,
  ): Promise<void> {
    const answers: Promise<void>[] = []
    this.#shards.send(items, keyOf, (shard, group) => {
      for (const some of splitEvenly(group, commands, KEYS_AT_LEAST, KEYS_PER_COMMAND)) {
        const answer = this.#nagle.sent(shard.readMany(some.map(keyOf))).then(
          (all) => {
            const nowMs = shard.now()
            for (let i = 0; i < some.length; i++) found(some[i] as Item, all[i] ?? undefined, nowMs)
          },
          (error: unknown) => {
            for (const item of some) failed(item, error)
          },
        )
        answers.push(answer)
      }
    })
    await Promise.all(answers)
  }
}

function keyOf({ key }: { readonly key: string }): string {
  return key
}

/** Settles a read, and the other reads of its key, each with what its `found` returns. */
function tell(read: Waiting, bytes: Bytes, nowMs: number): void {
  try {
    read.resolve(read.found(bytes, nowMs))
  } catch (error) {
    read.reject(error)
  }
  for (const other of read.same ?? []) tell(other, bytes, nowMs)
}

function fail(read: Waiting, error: unknown): void {
  read.reject(error)
  for (const other of read.same ?? []) fail(other, error)
}

/** The first read of each key, which holds the others in `same`. Mostly all keys differ, and a set shows that in half the time. */
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
