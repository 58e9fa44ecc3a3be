import { childRange, compareKeys } from '../../../keys/key.js'
import { endOfGroup } from '../../../keys/key-tree.js'
import { type Name, nameAfter } from '../connection/redis-name.js'

/**
 * The names under which one shard of a cache keeps everything in Redis, each below the cache's prefix. On a Cluster they hold the
 * shard's hash tag, so that all of them are in one slot.
 */
export class Keyspace {
  /** Sorted set, all scores 0: the live keys in lexicographic order. */
  readonly index: string
  /** Sorted set of the same keys, scored by the time at which they expire (ms, `+inf` for never), and of those in `removed`. */
  readonly expiry: string
  /** List: keys that were removed and may still be in `expiry`. */
  readonly removed: string
  /** Hash: the computations under way, by key. */
  readonly leases: string
  /** Hash: when a tag was removed while something was being computed, by tag. */
  readonly tombstones: string
  /** Sorted set, all scores 0: the tags that entries carry. */
  readonly tags: string
  /** Channel: a computation that somebody follows has ended, as `<outcome> <key>`. */
  readonly wake: string
  /** Hashes: the counters of all processes, and the processes seen. */
  readonly totals: string
  readonly groups: string
  readonly minutes: string
  readonly processes: string
  /** String: that a process rebuilds the index, or has just done so. */
  readonly rebuild: string
  /** Hash: how far the sweep after evictions has come. */
  readonly sweep: string
  /** String: the process that sweeps this second. */
  readonly sweeper: string
  /** String: written and read back by `require()`. */
  readonly probe: string
  /** Stream: what staff did. */
  readonly log: string
  /** What all names of the shard hold; nothing on a single server. */
  readonly hashTag: string
  /** What the names of entries begin with, before their keys. */
  readonly entries: string
  readonly #tag: string

  constructor(keyPrefix: string, hashTag: string) {
    this.hashTag = hashTag
    this.index = `${keyPrefix}:index:${hashTag}`
    this.expiry = `${keyPrefix}:expiry:${hashTag}`
    this.removed = `${keyPrefix}:removed:${hashTag}`
    this.leases = `${keyPrefix}:leases:${hashTag}`
    this.tombstones = `${keyPrefix}:tombstones:${hashTag}`
    this.tags = `${keyPrefix}:tags:${hashTag}`
    this.#tag = `${keyPrefix}:tag:${hashTag}`
    this.wake = `${keyPrefix}:wake`
    this.totals = `${keyPrefix}:stats:totals${hashTag}`
    this.groups = `${keyPrefix}:stats:groups${hashTag}`
    this.minutes = `${keyPrefix}:stats:minutes${hashTag}`
    this.processes = `${keyPrefix}:processes${hashTag}`
    this.rebuild = `${keyPrefix}:rebuild${hashTag}`
    this.sweep = `${keyPrefix}:sweep${hashTag}`
    this.sweeper = `${keyPrefix}:sweeper${hashTag}`
    this.probe = `${keyPrefix}:probe${hashTag}`
    this.log = `${keyPrefix}:audit${hashTag}`
    this.entries = `${keyPrefix}:v:${hashTag}`
  }

  /** The name of the string that holds a key's entry. */
  entry<N extends Name>(key: N): N {
    return nameAfter(this.entries, key)
  }

  /** The name of the sorted set of the keys that carry a tag, scored as in `expiry`. */
  tag(tag: string): string {
    return this.#tag + tag
  }

  /** What scripts that write tags declare: the tags, and the set of each; nothing where there are none. */
  tagSets(tags: readonly string[]): string[] {
    return tags.length === 0 ? [] : [this.tags, ...tags.map((tag) => this.tag(tag))]
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
    // A place comes from outside: it may lie before the first child.
    const isInside = under === undefined || compareKeys(groupEnd, childRange(under).from) > 0
    return isInside ? { min: `[${groupEnd}`, max: all.max } : all
  }
}
