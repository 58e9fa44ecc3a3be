import { childRange, compareKeys } from '../../../keys/key.js'
import { endOfGroup } from '../../../keys/key-tree.js'
import { type Name, nameAfter } from '../connection/redis-name.js'
import { STORED, type StoredName, storedName } from '../scripts/stored-layout.js'

/**
 * The names under which one shard of a cache keeps everything in Redis, each below the cache's prefix. On a Cluster they hold the shard's
 * hash tag, so that all of them are in one slot. `scripts/stored-layout.ts` says what each holds.
 */
export class Keyspace {
  readonly index: string
  readonly expiry: string
  readonly removed: string
  readonly leases: string
  readonly tombstones: string
  readonly tags: string
  readonly ends: string
  readonly wake: string
  readonly totals: string
  readonly groups: string
  readonly minutes: string
  readonly processes: string
  readonly rebuild: string
  readonly sweep: string
  readonly sweeper: string
  readonly probe: string
  readonly log: string
  /** The hash tag in all names of the shard. `''` on a single server. */
  readonly hashTag: string
  /** What the names of entries begin with, before their keys. */
  readonly entries: string
  readonly #tag: string

  constructor(keyPrefix: string, hashTag: string) {
    this.hashTag = hashTag
    const name = (stored: StoredName): string => storedName(keyPrefix, stored, hashTag)
    this.index = name(STORED.index)
    this.expiry = name(STORED.expiry)
    this.removed = name(STORED.removed)
    this.leases = name(STORED.leases)
    this.tombstones = name(STORED.tombstones)
    this.tags = name(STORED.tags)
    this.ends = name(STORED.ends)
    this.#tag = name(STORED.tag)
    this.wake = name(STORED.wake)
    this.totals = name(STORED.totals)
    this.groups = name(STORED.groups)
    this.minutes = name(STORED.minutes)
    this.processes = name(STORED.processes)
    this.rebuild = name(STORED.rebuild)
    this.sweep = name(STORED.sweep)
    this.sweeper = name(STORED.sweeper)
    this.probe = name(STORED.probe)
    this.log = name(STORED.audit)
    this.entries = name(STORED.entry)
  }

  /** The name of the string that holds a key's entry. */
  entry<N extends Name>(key: N): N {
    return nameAfter(this.entries, key)
  }

  /** The name of the sorted set of the keys that carry a tag, scored as in `expiry`. */
  tag<N extends Name>(tag: N): N {
    return nameAfter(this.#tag, tag)
  }

  /** The KEYS of scripts that write tags: the tags, when their sets are over, and the set of each. None if there are no tags. */
  tagSets(tags: readonly string[]): string[] {
    return tags.length === 0 ? [] : [this.tags, this.ends, ...tags.map((tag) => this.tag(tag))]
  }

  /** The bounds (as `ZRANGEBYLEX` takes them) of the keys below `under`, or of all, from the first after `after`. */
  range(under: string | undefined, after?: string): { min: string; max: string } {
    if (under === undefined) return { min: `(${after ?? ''}`, max: '+' }
    const { from, to } = childRange(under)
    return { min: after !== undefined && compareKeys(after, from) > 0 ? `(${after}` : `[${from}`, max: `(${to}` }
  }

  /** The same for the children of `under`, from the first after a place among them. */
  childrenRange(under: string | undefined, place: string | undefined): { min: string; max: string } {
    const groupEnd = place === undefined ? undefined : endOfGroup(place)
    if (groupEnd === undefined) return this.range(under, place)
    const all = this.range(under)
    // The caller gives the place, so it may lie before the first child.
    const isInside = under === undefined || compareKeys(groupEnd, childRange(under).from) > 0
    return isInside ? { min: `[${groupEnd}`, max: all.max } : all
  }
}
