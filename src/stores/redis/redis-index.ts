import type { ChildPage, KeyPage } from '../../cache/cache.js'
import { compareKeys } from '../../cache/key.js'
import { childPlace, childPrefix, childTowards } from '../../cache/key-tree.js'
import type { Connection } from './connection.js'
import type { IndexRebuild } from './index-rebuild.js'
import type { Keyspace } from './keyspace.js'
import { CHILDREN, LIST, PRUNE_EXPIRED, RANGE, SWEEP, VOID_AND_RANGE } from './index-scripts.js'

/** No script touches more names than this, so that none blocks the server for long: about 3 ms. */
export const NAMES_A_SCRIPT = 500
/** A skip-scan costs about 10 us a step on the server. */
const CHILDREN_A_SCRIPT = 100
/** How often a page is read again because some of its names were of evicted entries. */
const SWEEPS_A_PAGE = 5

/** Whether the index was whole (0, 1), and the names of a range. */
type Range = [whole: number, ...names: string[]]

/** The live keys in lexicographic order: lists, counts and ranges below a key, without walking the database. */
export class RedisIndex {
  readonly #connection: Connection
  readonly #keyspace: Keyspace
  readonly #rebuild: IndexRebuild

  constructor(connection: Connection, keyspace: Keyspace, rebuild: IndexRebuild) {
    this.#connection = connection
    this.#keyspace = keyspace
    this.#rebuild = rebuild
  }

  /** As `Store.list`. Names of evicted entries are left out. */
  async list(under: string | undefined, after: string | undefined, limit: number): Promise<KeyPage> {
    await this.#prune()
    for (let sweeps = 0; ; sweeps++) {
      // eslint-disable-next-line no-await-in-loop -- read again only where names were swept
      const { total, names } = await this.#list(under, after, limit)
      // eslint-disable-next-line no-await-in-loop
      const dead = names.length === 0 ? 0 : await this.sweep(names)
      if (dead > 0 && sweeps < SWEEPS_A_PAGE) continue
      const keys = names.slice(0, limit)
      return { keys, next: names.length > limit ? keys.at(-1) : undefined, total }
    }
  }

  /** As `Store.count`. */
  async count(under: string | undefined): Promise<number> {
    await this.#prune()
    const { total } = await this.#list(under, undefined, -1)
    return total
  }

  /** As `Store.children`. */
  async children(under: string | undefined, after: string | undefined, limit: number): Promise<ChildPage> {
    await this.#prune()
    const children: ChildPage['children'] = []
    let place = after
    while (children.length <= limit) {
      const wanted = Math.min(limit + 1 - children.length, CHILDREN_A_SCRIPT)
      // eslint-disable-next-line no-await-in-loop -- each step begins where the last one ended
      const step = await this.#childrenStep(under, place, wanted)
      children.push(...step)
      const last = step.at(-1)
      if (last === undefined || step.length < wanted) break
      place = childPlace(last)
    }
    const page = children.slice(0, limit)
    const last = page.at(-1)
    return { children: page, next: children.length > limit && last !== undefined ? childPlace(last) : undefined }
  }

  /**
   * Voids the computations of a key and of all below it, or all, then hands the names below it to `remove`, in bounded steps. Each step
   * goes on from the last name, so that keys written meanwhile cannot make it endless, and is asked for before the names of the one
   * before are removed, so that Redis need not wait. Gives whether the index was whole all the time.
   */
  async empty(under: string | undefined, remove: (names: string[]) => Promise<unknown>): Promise<boolean> {
    const { index, expiry, leases, wake } = this.#keyspace
    const { min, max } = this.#keyspace.range(under)
    let isWhole = true
    let next: Promise<Range> | undefined = this.#connection.run(
      VOID_AND_RANGE,
      [index, expiry, leases],
      [min, max, NAMES_A_SCRIPT, wake, under ?? '', childPrefix(under)],
    ) as Promise<Range>
    while (next !== undefined) {
      // eslint-disable-next-line no-await-in-loop -- bounded steps, each from where the last one ended
      const [whole, ...names]: Range = await next
      isWhole &&= whole === 1
      next = names.length === NAMES_A_SCRIPT ? this.#range(under, names.at(-1)) : undefined
      // It is awaited below; until then a failure of the removal comes first.
      next?.catch(() => undefined)
      // eslint-disable-next-line no-await-in-loop
      if (names.length > 0) await remove(names)
    }
    return isWhole
  }

  /** Drops those of these names whose entries are gone. Gives how many. */
  async sweep(names: readonly string[]): Promise<number> {
    const { index, expiry } = this.#keyspace
    const entries = names.map((name) => this.#keyspace.entry(name))
    return (await this.#connection.run(SWEEP, [index, expiry, ...entries], names)) as number
  }

  /** Drops at most 500 keys that have expired. Gives how many. */
  async pruneOnce(): Promise<number> {
    const { index, expiry } = this.#keyspace
    return (await this.#connection.run(PRUNE_EXPIRED, [index, expiry], [NAMES_A_SCRIPT])) as number
  }

  #range(under: string | undefined, after: string | undefined): Promise<Range> {
    const { index, expiry } = this.#keyspace
    const { min, max } = this.#keyspace.range(under, after)
    return this.#connection.run(RANGE, [index, expiry], [min, max, NAMES_A_SCRIPT]) as Promise<Range>
  }

  /** Drops all that has expired, so that a list or count that follows is exact. */
  async #prune(): Promise<void> {
    // eslint-disable-next-line no-await-in-loop -- bounded steps
    while ((await this.pruneOnce()) === NAMES_A_SCRIPT);
  }

  async #list(
    under: string | undefined,
    after: string | undefined,
    limit: number,
  ): Promise<{ total: number; names: string[] }> {
    const { index, expiry } = this.#keyspace
    const page = this.#keyspace.range(under, after)
    const all = this.#keyspace.range(under)
    const selfOnPage = under !== undefined && (after === undefined || compareKeys(after, under) < 0)
    const [total, ...names] = await this.#whole<[number, ...string[]]>(
      () =>
        this.#connection.run(
          LIST,
          [index, expiry],
          [under ?? '', selfOnPage && limit >= 0 ? 1 : 0, page.min, page.max, all.min, all.max, limit],
        ) as Promise<[number, number, ...string[]]>,
    )
    return { total, names }
  }

  async #childrenStep(
    under: string | undefined,
    place: string | undefined,
    limit: number,
  ): Promise<ChildPage['children']> {
    const { index, expiry } = this.#keyspace
    const { min, max } = this.#keyspace.childrenRange(under, place)
    const reply = await this.#whole(
      () =>
        this.#connection.run(CHILDREN, [index, expiry], [childPrefix(under), min, max, limit]) as Promise<
          [number, ...(string | number)[]]
        >,
    )
    return Array.from({ length: reply.length / 3 }, (_, i) => {
      const key = String(reply[3 * i])
      return { ...childTowards(key, under), isKey: reply[3 * i + 1] === 1, count: Number(reply[3 * i + 2]) }
    })
  }

  /** What a script reads from a whole index: where it is not, it is rebuilt first. */
  async #whole<T extends unknown[]>(read: () => Promise<[number, ...T]>): Promise<T> {
    const [whole, ...reply] = await read()
    if (whole === 1) return reply
    await this.#rebuild.done()
    const [, ...again] = await read()
    return again
  }
}
