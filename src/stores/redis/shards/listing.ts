import type { ChildPage, KeyPage } from '../../../contract/inspected.js'
import { compareKeys } from '../../../keys/key.js'
import { childPlace } from '../../../keys/key-tree.js'
import type { IndexRebuild } from './index-rebuild.js'
import type { Reading, RedisIndex } from '../shard/redis-index.js'
import type { Shard } from '../shard/shard.js'
import type { Shards } from './shards.js'

/** The most children that one script gives. A skip-scan costs about 10 us a step on the server. */
const CHILDREN_PER_SCRIPT = 100
/** How often at most a page is read again because some of its names were of evicted entries. */
const SWEEPS_PER_PAGE = 5

type Child = ChildPage['children'][number]

/** Sorted items of one shard, or merged from all. */
interface Sorted<T> {
  readonly items: T[]
  /** Whether there are more. */
  readonly isCut: boolean
}

/** Lists and counts over all shards. Each shard gives its part in order, and the parts are merged. */
export class Listing {
  readonly #shards: Shards
  readonly #rebuild: IndexRebuild

  constructor(shards: Shards, rebuild: IndexRebuild) {
    this.#shards = shards
    this.#rebuild = rebuild
  }

  /** As `Store.list`. Names of evicted entries are left out. */
  async list(under: string | undefined, after: string | undefined, limit: number): Promise<KeyPage> {
    await this.#prune()
    for (let sweeps = 0; ; sweeps++) {
      // eslint-disable-next-line no-await-in-loop -- read again only where names were swept
      const { total, names } = await this.#page(under, after, limit + 1)
      // eslint-disable-next-line no-await-in-loop
      const dead = await this.#sweep(names)
      if (dead > 0 && sweeps < SWEEPS_PER_PAGE) continue
      const keys = names.slice(0, limit)
      return { keys, next: names.length > limit ? keys.at(-1) : undefined, total }
    }
  }

  /** As `Store.count`. */
  async count(under: string | undefined): Promise<number> {
    await this.#prune()
    const readings = await this.#readAll((index) => index.page(under, undefined, -1))
    return readings.reduce((sum, { total }) => sum + total, 0)
  }

  /** As `Store.children`. */
  async children(under: string | undefined, after: string | undefined, limit: number): Promise<ChildPage> {
    await this.#prune()
    const children: Child[] = []
    let place = after
    for (;;) {
      const wanted = Math.min(limit + 1 - children.length, CHILDREN_PER_SCRIPT)
      // eslint-disable-next-line no-await-in-loop -- each step begins where the last one ended
      const { items, isCut } = await this.#childrenStep(under, place, wanted)
      place = items.length === 0 ? place : childPlace(items.at(-1) as Child)
      // eslint-disable-next-line no-await-in-loop
      children.push(...(this.#shards.all.length === 1 ? items : await this.#counted(items)))
      if (!isCut || children.length > limit) break
    }
    const page = children.slice(0, limit)
    const last = page.at(-1)
    return { children: page, next: children.length > limit && last !== undefined ? childPlace(last) : undefined }
  }

  /**
   * The first names after `after`, and how many there are in all. A shard has about its share of a page, so it is asked for little more,
   * and again if that was too few.
   */
  async #page(
    under: string | undefined,
    after: string | undefined,
    wanted: number,
  ): Promise<{ total: number; names: string[] }> {
    const shards = this.#shards.all
    const share = shards.length === 1 ? wanted : Math.min(wanted, Math.ceil((2 * wanted) / shards.length) + 3)
    const readings = await this.#readAll((index) => index.page(under, after, share))
    const parts = readings.map(({ names }) => ({ items: names.slice(0, share), isCut: names.length > share }))
    const total = readings.reduce((sum, reading) => sum + reading.total, 0)
    for (;;) {
      const names = parts.flatMap(({ items }) => items).toSorted(compareKeys)
      const last = names[wanted - 1]
      // A shard that was cut may have more before the last name of the page.
      const short = parts.flatMap(({ items, isCut }, i) => {
        const end = items.at(-1)
        return isCut && end !== undefined && (last === undefined || compareKeys(end, last) < 0) ? [{ i, end }] : []
      })
      if (short.length === 0) return { total, names: names.slice(0, wanted) }
      // eslint-disable-next-line no-await-in-loop -- mostly one round is enough
      await Promise.all(
        short.map(async ({ i, end }) => {
          const { names: more } = await (shards[i] as Shard).index.page(under, end, wanted)
          const { items } = parts[i] as Sorted<string>
          parts[i] = { items: [...items, ...more.slice(0, wanted)], isCut: more.length > wanted }
        }),
      )
    }
  }

  /** The next children in the order of their places, only as far as all shards were read. */
  async #childrenStep(under: string | undefined, after: string | undefined, wanted: number): Promise<Sorted<Child>> {
    const readings = await this.#readAll((index) => index.children(under, after, wanted))
    const known = new Map<string, Child>()
    let horizon: string | undefined
    for (const { children } of readings) {
      for (const child of children) {
        const other = known.get(child.key)
        // If a child is a key in one shard, it has the place of a key in all.
        if (other === undefined || child.isKey) known.set(child.key, child)
      }
      if (children.length < wanted) continue
      const end = childPlace(children.at(-1) as Child)
      if (horizon === undefined || compareKeys(end, horizon) < 0) horizon = end
    }
    const inOrder = [...known.values()].toSorted((a, b) => compareKeys(childPlace(a), childPlace(b)))
    const sure = inOrder.filter((child) => horizon === undefined || compareKeys(childPlace(child), horizon) <= 0)
    return { items: sure.slice(0, wanted), isCut: horizon !== undefined || sure.length > wanted }
  }

  /**
   * Adds up how many keys are below each child in all shards. Leaves out a group whose child is a key in another shard: it was there
   * already, at its earlier place as a key.
   */
  async #counted(children: readonly Child[]): Promise<Child[]> {
    if (children.length === 0) return []
    const keys = children.map(({ key }) => key)
    const counts = await Promise.all(this.#shards.all.map(({ index }) => index.counts(keys)))
    return children.flatMap((child, i) => {
      const isKey = counts.some((of) => of[i]?.isKey)
      if (isKey && !child.isKey) return []
      return [{ ...child, count: counts.reduce((sum, of) => sum + (of[i]?.count ?? 0), 0) }]
    })
  }

  async #prune(): Promise<void> {
    await Promise.all(this.#shards.all.map(({ index }) => index.prune()))
  }

  async #sweep(names: readonly string[]): Promise<number> {
    const groups = this.#shards.group(names, (name) => name)
    const dead = await Promise.all(Array.from(groups, ([shard, some]) => shard.index.sweep(some)))
    return dead.reduce((sum, count) => sum + count, 0)
  }

  /** Reads all shards, from a whole index. If one is not whole, it is rebuilt first. */
  async #readAll<T>(read: (index: RedisIndex) => Promise<Reading<T>>): Promise<Reading<T>[]> {
    const readings = await Promise.all(this.#shards.all.map(({ index }) => read(index)))
    if (readings.every(({ isWhole }) => isWhole)) return readings
    await this.#rebuild.done(this.#shards)
    return Promise.all(this.#shards.all.map(({ index }) => read(index)))
  }
}
