import type { ChildPage } from '../../../contract/inspected.js'
import { compareKeys } from '../../../keys/key.js'
import { childPrefix, childTowards } from '../../../keys/key-tree.js'
import type { Connection } from '../connection/connection.js'
import { CHILD_COUNTS, CHILDREN, LIST, PRUNE_EXPIRED, RANGE, SWEEP, VOID_AND_RANGE } from '../scripts/index-scripts.js'
import type { Keyspace } from './keyspace.js'
import { type Name, nameAfter, nameOf } from '../connection/redis-name.js'
import { NAMES_PER_SCRIPT } from './chunks.js'

/** The result of one read of a shard's index. `isWhole`: whether the index was whole then. If not, there may be more. */
export type Reading<T> = { readonly isWhole: boolean } & T

/** The names of a range. */
export type Range = Reading<{ names: Name[] }>

/** The live keys of a shard in lexicographic order: lists, counts and ranges below a key, without walking the database. */
export class RedisIndex {
  readonly #connection: Connection
  readonly #keyspace: Keyspace

  constructor(connection: Connection, keyspace: Keyspace) {
    this.#connection = connection
    this.#keyspace = keyspace
  }

  /** The first names of a page (one more than `limit` if there are more), and how many there are in all. A negative limit only counts. */
  async page(
    under: string | undefined,
    after: string | undefined,
    limit: number,
  ): Promise<Reading<{ total: number; names: string[] }>> {
    const { index, expiry } = this.#keyspace
    const page = this.#keyspace.range(under, after)
    const all = this.#keyspace.range(under)
    const selfOnPage = under !== undefined && (after === undefined || compareKeys(after, under) < 0)
    const [whole, total, ...found] = (await this.#connection.runForBytes(
      LIST,
      [index, expiry],
      [under ?? '', selfOnPage && limit >= 0 ? 1 : 0, page.min, page.max, all.min, all.max, limit],
    )) as [number, number, ...Buffer[]]
    const names = found.map(nameOf)
    if (await this.#dropForeign(names)) return this.page(under, after, limit)
    return { isWhole: whole === 1, total, names: names as string[] }
  }

  /** The first children of a level after a place, in this shard. Fewer than `limit` means that there are no more. */
  async children(
    under: string | undefined,
    place: string | undefined,
    limit: number,
  ): Promise<Reading<{ children: ChildPage['children'] }>> {
    const { index, expiry } = this.#keyspace
    const { min, max } = this.#keyspace.childrenRange(under, place)
    const [whole, ...reply] = (await this.#connection.runForBytes(
      CHILDREN,
      [index, expiry],
      [childPrefix(under), min, max, limit],
    )) as [number, ...(Buffer | number)[]]
    const found = Array.from({ length: reply.length / 3 }, (_, i) => ({
      name: nameOf(reply[3 * i] as Buffer),
      isKey: reply[3 * i + 1] === 1,
      count: Number(reply[3 * i + 2]),
    }))
    const foreign = found.flatMap(({ name }) => (typeof name === 'string' ? [] : [name]))
    if (foreign.length > 0) {
      await Promise.all(foreign.map((child) => this.#dropGroup(child)))
      return this.children(under, place, limit)
    }
    const children = found.map(({ name, ...child }) => ({ ...childTowards(name as string, under), ...child }))
    return { isWhole: whole === 1, children }
  }

  /** Whether each of these is a key of this shard, and how many of its keys are below it. */
  async counts(children: readonly string[]): Promise<{ isKey: boolean; count: number }[]> {
    const reply = (await this.#connection.run(CHILD_COUNTS, [this.#keyspace.index], children)) as number[]
    return children.map((_, i) => ({ isKey: reply[2 * i] === 1, count: reply[2 * i + 1] as number }))
  }

  /** Voids the computations of a key and of all keys below it (`undefined`: all). Gives the first names below it, for `empty`. */
  async begin(under: string | undefined): Promise<Range> {
    const { index, expiry, leases, tombstones, wake } = this.#keyspace
    const { min, max } = this.#keyspace.range(under)
    return rangeOf(
      await this.#connection.runForBytes(
        VOID_AND_RANGE,
        [index, expiry, leases, tombstones],
        [min, max, NAMES_PER_SCRIPT, wake, under ?? '', childPrefix(under)],
      ),
    )
  }

  /**
   * Hands all names below a key to `remove`, in bounded steps. Each step goes on after the last name, so that keys written meanwhile cannot
   * make it endless. The next names are read before the present ones are removed, so that Redis need not wait. Gives whether the index was
   * whole all the time.
   */
  async empty(under: string | undefined, first: Range, remove: (names: Name[]) => Promise<unknown>): Promise<boolean> {
    let wasWhole = true
    let next: Promise<Range> | undefined = Promise.resolve(first)
    while (next !== undefined) {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, each from where the last one ended
      const { isWhole, names }: Range = await next
      wasWhole &&= isWhole
      next = names.length === NAMES_PER_SCRIPT ? this.#range(under, names.at(-1)) : undefined
      // It is awaited in the next round. Until then its rejection must not count as unhandled.
      next?.catch(() => undefined)
      // eslint-disable-next-line no-await-in-loop
      if (names.length > 0) await remove(names)
    }
    return wasWhole
  }

  /** Drops the names whose entries are gone. Gives how many. */
  async sweep(names: readonly Name[]): Promise<number> {
    const { index, expiry } = this.#keyspace
    const entries = names.map((name) => this.#keyspace.entry(name))
    return (await this.#connection.run(SWEEP, [index, expiry, ...entries], names)) as number
  }

  /** Drops all that has expired, so that a list or count that follows is exact. */
  async prune(): Promise<void> {
    const { index, expiry } = this.#keyspace
    // eslint-disable-next-line no-await-in-loop -- bounded steps
    while ((await this.#connection.run(PRUNE_EXPIRED, [index, expiry], [NAMES_PER_SCRIPT])) === NAMES_PER_SCRIPT);
  }

  async #range(under: string | undefined, after: Name | undefined): Promise<Range> {
    const { index, expiry } = this.#keyspace
    const { min, max } = this.#keyspace.range(under)
    const from = after === undefined ? min : nameAfter('(', after)
    return rangeOf(await this.#connection.runForBytes(RANGE, [index, expiry], [from, max, NAMES_PER_SCRIPT]))
  }

  /** Drops at most 500 names at and below a child that is not UTF-8 (see `Name`). */
  async #dropGroup(child: Buffer): Promise<void> {
    const [min, max] = [nameAfter('[', child), Buffer.concat([nameAfter('(', child), Buffer.from(':;')])]
    const names = await this.#connection.send((redis) =>
      redis.zrangebylexBuffer(this.#keyspace.index, min, max, 'LIMIT', 0, NAMES_PER_SCRIPT),
    )
    await this.#dropForeign(names.map(nameOf))
  }

  /**
   * Drops the names that are not UTF-8 and so nobody's keys: they cannot be listed, and no page can begin after them. Gives whether there
   * were any.
   */
  async #dropForeign(names: readonly Name[]): Promise<boolean> {
    const foreign = names.filter((name) => typeof name !== 'string')
    if (foreign.length === 0) return false
    const { index, expiry } = this.#keyspace
    await Promise.all([index, expiry].map((set) => this.#connection.send((redis) => redis.zrem(set, ...foreign))))
    return true
  }
}

function rangeOf(reply: unknown): Range {
  const [whole, ...names] = reply as [number, ...Buffer[]]
  return { isWhole: whole === 1, names: names.map(nameOf) }
}
