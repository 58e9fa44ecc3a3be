import { realTime } from '../../../checks/real-time.js'
import { LONGEST_WAIT } from '../connection/deadlines.js'
import { ByteWindow } from './byte-window.js'
import { Nagle } from './nagle.js'
import { KEYS_PER_COMMAND, ReadTurns } from './read-turns.js'
import type { Shard } from '../shard/shard.js'
import { splitEvenly } from '../shard/split-evenly.js'
import type { Shards } from './shards.js'
import { LARGE_BYTES, UNKNOWN_BYTES, ValueSizes } from './value-sizes.js'

/** The least keys in one command, if there are that many. */
const KEYS_AT_LEAST = 32
/** How many commands for each shard the keys of one large call are divided into. */
const COMMANDS_PER_CALL = 4
/** When a call probably asks for more bytes, its commands leave in turns. */
const BYTES_AT_ONCE = 2 ** 20

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
 * gets the answer to a command that was sent before it. Whoever changes a key must first flush the reads that wait. Values that are known
 * to be large are asked for alone, after the others, and only as many at once as the network carries in a short time.
 */
export class ReadBatch {
  readonly #shards: Shards
  readonly #nagle = new Nagle()
  readonly #sizes = new ValueSizes()
  readonly #window: ByteWindow
  #waiting: Waiting[] = []

  /** `timeoutMs`: how long a server may be silent. */
  constructor(shards: Shards, timeoutMs: number) {
    this.#shards = shards
    this.#window = new ByteWindow({ timeoutMs, patienceMs: LONGEST_WAIT * timeoutMs })
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** As `Store.read`. */
  read<T>(key: string, found: (bytes: Bytes, nowMs: number) => T | Promise<T>): Promise<T> {
    if (this.#nagle.sendsAtOnce) {
      const shard = this.#shards.of(key)
      return this.#nagle.sent(shard.read(key)).then((bytes) => {
        if (bytes !== undefined && bytes.length > LARGE_BYTES) this.#sizes.note(key, bytes.length)
        return found(bytes, shard.now())
      })
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
    const items = keys.map((key, place) => ({ key, place }))
    const note = ({ place }: { place: number }, bytes: Bytes, nowMs: number): void => {
      made[place] = found(bytes, nowMs, place)
    }
    const noteFailed = ({ place }: { place: number }, error: unknown): void => {
      made[place] = failed(error, place)
    }
    if (this.#areManyBytes(keys)) await this.#askInTurns(items, note, noteFailed)
    else await this.#ask(items, COMMANDS_PER_CALL, note, noteFailed)
    return made
  }

  /** Sends all reads that wait. */
  readonly flush = (): void => {
    if (this.isEmpty) return
    const firsts = firstOfEach(this.#waiting)
    this.#waiting = []
    const { commands } = this.#nagle
    this.#nagle.turned(firsts.length)
    if (this.#sizes.isEmpty) void this.#ask(firsts, commands, tell, fail)
    else this.#askSmallFirst(firsts, commands)
  }

  #askSmallFirst(reads: readonly Waiting[], commands: number): void {
    const isLarge = ({ key }: Waiting): boolean => this.#sizes.largeOf(key) !== undefined
    const large = reads.filter(isLarge)
    void this.#ask(large.length === 0 ? reads : reads.filter((read) => !isLarge(read)), commands, tell, fail)
    for (const read of large) {
      const { key } = read
      this.#window.send(
        this.#sizes.largeOf(key) as number,
        () => this.#askAlone(this.#shards.of(key), read),
        (error) => fail(read, error),
      )
    }
  }

  /** Gives whether it was answered. */
  #askAlone(shard: Shard, read: Waiting): Promise<boolean> {
    return this.#nagle.sent(shard.read(read.key)).then(
      (bytes) => {
        this.#sizes.note(read.key, bytes?.length ?? 0)
        tell(read, bytes, shard.now())
        return true
      },
      (error: unknown) => {
        fail(read, error)
        return false
      },
    )
  }

  #areManyBytes(keys: readonly string[]): boolean {
    // Mostly there are few keys and no large values, and then it costs nothing to know.
    if (this.#sizes.isEmpty && keys.length * UNKNOWN_BYTES <= BYTES_AT_ONCE) return false
    let bytes = 0
    for (const key of keys) bytes += this.#sizes.expect(key)
    return bytes > BYTES_AT_ONCE
  }

  /** Asks each shard for its keys, with a few commands at a time. */
  async #askInTurns<Item extends { readonly key: string }>(
    items: readonly Item[],
    found: (item: Item, bytes: Bytes, nowMs: number) => void,
    failed: (item: Item, error: unknown) => void,
  ): Promise<void> {
    const all: Promise<void>[] = []
    this.#shards.send(items, keyOf, (shard, group) => {
      const turns = new ReadTurns(group, this.#sizes)
      const take = async (): Promise<void> => {
        for (let turn = turns.next(); turn !== undefined; turn = turns.next()) {
          const { items: some, bytes } = turn
          // eslint-disable-next-line no-await-in-loop -- each when the one before is answered
          await new Promise<unknown>((resolve, reject) => {
            const ask = (): Promise<boolean> => {
              const asked = this.#askShard(shard, some, found, failed, true)
              asked.then(resolve, reject)
              // It rejects only if `found` throws, which is after the answer.
              return asked.catch(() => true)
            }
            this.#window.send(bytes, ask, (error) => {
              for (const item of some) failed(item, error)
              resolve(undefined)
            })
          })
        }
      }
      for (let i = 0; i < COMMANDS_PER_CALL; i++) all.push(take())
    })
    await Promise.all(all)
  }

  /** Asks each shard for its keys, with up to `commands` commands, and calls `found` or `failed` for each item. */
  async #ask<Item extends { readonly key: string }>(
    items: readonly Item[],
    commands: number,
    found: (item: Item, bytes: Bytes, nowMs: number) => void,
    failed: (item: Item, error: unknown) => void,
  ): Promise<void> {
    const answers: Promise<boolean>[] = []
    this.#shards.send(items, keyOf, (shard, group) => {
      for (const some of splitEvenly(group, commands, KEYS_AT_LEAST, KEYS_PER_COMMAND)) {
        answers.push(this.#askShard(shard, some, found, failed))
      }
    })
    await Promise.all(answers)
  }

  /** Asks a shard for keys with one command. Gives whether it was answered. `isSized`: whether sizes are noted even if they are small. */
  #askShard<Item extends { readonly key: string }>(
    shard: Shard,
    items: readonly Item[],
    found: (item: Item, bytes: Bytes, nowMs: number) => void,
    failed: (item: Item, error: unknown) => void,
    isSized = false,
  ): Promise<boolean> {
    const keys = items.map(keyOf)
    return this.#nagle.sent(shard.readMany(keys)).then(
      (all) => {
        const nowMs = shard.now()
        let sum = 0
        for (let i = 0; i < items.length; i++) {
          const bytes = all[i] ?? undefined
          sum += bytes?.length ?? 0
          found(items[i] as Item, bytes, nowMs)
        }
        if (isSized || sum > LARGE_BYTES) this.#sizes.noteAll(keys, all)
        return true
      },
      (error: unknown) => {
        for (const item of items) failed(item, error)
        return false
      },
    )
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
