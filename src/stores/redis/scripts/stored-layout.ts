import type { CycleProbe } from '../../../contract/store.js'
import { CHECKSUM_BYTES, HAS_TAGS, HEADER_BYTES, MAGIC_AND_VERSION } from '../../../values/entry.js'

/*
 * The layout of what is stored in Redis: every name below the prefix, its type, and the form of its content. During an upgrade, processes
 * of different versions use the same names. So the comment on each name says what a process of an older version (0.1 is the first) does
 * with content that it does not know.
 *
 * Rules for all names:
 * - An older process never touches a name that its own version does not list, not even in `clear`. Only newer processes use a new name. It
 *   must not begin like a name that ends with a key or a tag: on a single server any text may follow `P:v:` and `P:tag:`.
 * - An older process knows nothing of the content of a new name. What it must respect has to be in the names that it knows: a computation
 *   is voided by deleting its lease, and by nothing else.
 * - The shard of a key (`shards/key-hash.ts`) and the hash tags (`shards/hash-tags.ts`) must never change, because the same key would be in
 *   two places.
 */

/** One name below the prefix, or all that begin with it. */
export interface StoredName {
  /** The text between the prefix and the shard's hash tag, or the end. */
  readonly after: string
  /** The name of its type in Redis. A channel has no type there. */
  readonly type: 'string' | 'hash' | 'zset' | 'list' | 'stream' | 'channel'
  /** Whether there is one in each shard, one in the first shard, or one for the prefix, without a hash tag. */
  readonly of: 'each shard' | 'first shard' | 'prefix'
  /** What comes after the hash tag, if anything does. Then there is one name for each key or tag. */
  readonly ofEach?: 'key' | 'tag'
}

/** All names below the prefix. */
export const STORED = {
  /**
   * The entry of a key, in the form of `ENTRY`. It expires (PXAT) when its ttl and its grace are over.
   *
   * An older process replaces it by `set`, and removes it by `delete`, `deleteTag` and `clear`, whatever it holds.
   */
  entry: { after: ':v:', type: 'string', of: 'each shard', ofEach: 'key' },
  /**
   * All keys, with score 0, in lexicographic order. The empty member says whether the index is whole. If it is, its score is 0, and
   * `expiry` holds the empty member too. During a rebuild its score is minus the rebuild's token. If it is missing, nobody knows.
   *
   * Must never change: an older process lists, counts and deletes every member as a key. Other scores would spoil the order.
   */
  index: { after: ':index:', type: 'zset', of: 'each shard' },
  /**
   * The same keys, those in `removed`, and the empty member (`+inf`). The score is the time at which the entry expires (ms, `+inf` for
   * never).
   *
   * Must never change: when the time of a key has come, an older process drops the key here and in `index`, without looking at its entry. A
   * version that gives an entry more time must change the score here and in the sets of its tags.
   */
  expiry: { after: ':expiry:', type: 'zset', of: 'each shard' },
  /** Keys that were removed and may still be in `expiry`. An older process drops them there, except those in `index`. Must never change. */
  removed: { after: ':removed:', type: 'list', of: 'each shard' },
  /**
   * The computations under way and the pauses after failures, by key: `LEASE_LINE`. The empty field has the form of a pause: it notes that
   * there are tombstones (`TOMBSTONES_NOTE`).
   *
   * An older process takes each field for a key, and drops what is not a lease within a second. So nothing else may be stored here.
   */
  leases: { after: ':leases:', type: 'hash', of: 'each shard' },
  /**
   * By tag, when it was removed during a computation: ms on the server's clock, with three decimals. The empty tag (`ALL_TAGS`) stands for
   * all: which tags were removed up to then is not known any more.
   *
   * Must never change: if a value is not a number, the scripts of an older process that fill or renew an entry of this tag fail. They
   * remove the whole name when no lease is left, so it may hold nothing that must last longer. They do not ask for the empty tag.
   */
  tombstones: { after: ':tombstones:', type: 'hash', of: 'each shard' },
  /** All tags that entries carry, with score 0. An older process drops each tag whose set is empty. Must never change. */
  tags: { after: ':tags:', type: 'zset', of: 'each shard' },
  /**
   * The keys that carry a tag, scored as in `expiry`. Names that have lost the tag may be among them: the entry itself decides.
   *
   * An older process removes each key whose entry is missing, or does not carry the tag according to `ENTRY`. The set must not expire
   * (EXPIRE) while 0.1 runs: 0.1 adds keys that live longer, and `deleteTag` would not find them. A set with an end could also be evicted
   * under `volatile-*`, without the entries. So sets are ended by the processes: `ends`.
   */
  tag: { after: ':tag:', type: 'zset', of: 'each shard', ofEach: 'tag' },
  /**
   * Tags, by the time at which all names in their sets have expired: the highest score there. A tag of which all names never expire is
   * missing here.
   *
   * New in 0.2. An older process does not touch it, so it may say too early or too late, and tags may be missing. Whoever ends a set by it
   * asks the set itself, and the upkeep also finds those that are missing, later.
   */
  ends: { after: ':ends:', type: 'zset', of: 'each shard' },
  /**
   * Messages to processes that compute: `MESSAGE`. An older process ignores messages that begin with another word.
   *
   * Channels belong to no database: those of all databases with this prefix are heard. So a message only says that it is worth asking.
   */
  wake: { after: ':wake', type: 'channel', of: 'prefix' },
  /** What all processes counted: `TOTALS` and `TIERS`. An older process leaves other fields alone. */
  totals: { after: ':stats:totals', type: 'hash', of: 'first shard' },
  /**
   * What they counted for each group of keys: `<counter> <group>`, with the counters in `GROUP_COUNTERS`.
   *
   * An older process shows a group with zeros if it knows none of its counters. It takes the number of fields divided by 5 as the number of
   * groups. With other counters here it would count groups as `other` too early. So new counters need a name of their own.
   */
  groups: { after: ':stats:groups', type: 'hash', of: 'first shard' },
  /**
   * What they counted in each minute: `calls` and `hits`, as `<counter> <start of the minute in ms>`, for a day.
   *
   * An older process keeps other counters as long as its own. It drops each field that does not end in a space and a minute of the last
   * day.
   */
  minutes: { after: ':stats:minutes', type: 'hash', of: 'first shard' },
  /**
   * The processes seen in a day: `<host:pid> <instance>` is `<started at> <seen at> <number of its last batch>`, times in ms.
   *
   * The last word is for the process itself, so that a batch that arrives twice counts once. An older process reads only the first two
   * times of the others, whatever follows. It drops a process that was not seen for a day, or that has no such times.
   */
  processes: { after: ':processes', type: 'hash', of: 'first shard' },
  /**
   * Exists while a process rebuilds the index, and for a short time after that. It holds the rebuild's token and expires (PX).
   *
   * An older process rebuilds nothing while it exists, whatever it holds. So it must expire.
   */
  rebuild: { after: ':rebuild', type: 'string', of: 'first shard' },
  /** How far the sweep after evictions has come: `SWEEP_FIELDS`. An older process leaves other fields alone. */
  sweep: { after: ':sweep', type: 'hash', of: 'each shard' },
  /** The token of the process that does the upkeep, and expires (PX). An older process does none while it exists, whatever it holds. */
  sweeper: { after: ':sweeper', type: 'string', of: 'first shard' },
  /** Written and read back by `require()`. It may hold any text. */
  probe: { after: ':probe', type: 'string', of: 'each shard' },
  /** The audit log: `AUDIT`. An older process reads the first field of each event, and ignores what is not an event. */
  audit: { after: ':audit', type: 'stream', of: 'first shard' },
  /**
   * The settings of all processes: the `format` of all that is stored (`FORMAT`), and the number of `shards`. An older process leaves other
   * fields alone.
   *
   * If the format is another one, a process that connects does not use the prefix: it reads, stores and deletes nothing. A process that is
   * already connected goes on until it reconnects, and reports an error in its upkeep. So another format needs a prefix of its own.
   */
  meta: { after: ':meta', type: 'hash', of: 'prefix' },
} as const

/** The full name below the prefix. If there is one for each key or tag, what those names begin with. */
export function storedName(keyPrefix: string, { after, of }: StoredName, hashTag: string): string {
  return of === 'prefix' ? keyPrefix + after : keyPrefix + after + hashTag
}

/**
 * What scripts know of an entry (`src/values/entry.ts`): magic and version (1 byte), flags (1), soft expiry (6), created (6), time to
 * compute (4), then tags if the flags say so (how many: 2, each with its length: 2), the payload, and a checksum (4).
 *
 * What an older process does with an entry:
 * - A later version (a first byte up to 0xef): a miss. It computes for itself, and does not store over the entry.
 * - Flags, kinds of values (`src/values/type-tags.ts`) or a first byte that it does not know, or a wrong checksum: a miss, and it stores
 *   its own over the entry. So what 0.1 cannot read needs a later version. Otherwise both would overwrite each other in turns.
 *
 * Two things must never change in any version, because scripts rely on them whatever the version is:
 * - Where the flag of tags and the tags are. Otherwise an older process takes the entry out of the sets of its tags, and `deleteTag` does
 *   not find it.
 * - That the last 4 bytes tell one entry of a key from another. Otherwise a process that has seen the old entry computes although a new one
 *   is there.
 */
export const ENTRY: Readonly<Record<'version' | 'headerBytes' | 'hasTags' | 'checksumBytes', number>> = {
  version: MAGIC_AND_VERSION,
  headerBytes: HEADER_BYTES,
  hasTags: HAS_TAGS,
  checksumBytes: CHECKSUM_BYTES,
}

/** The token of a pause. During a pause, callers with a stale value do not try again what failed. */
export const PAUSE_TOKEN = '-'

/**
 * The field of `leases` that notes that there are tombstones. If it is there and they are not, they were lost, as under `allkeys-*`: then
 * nobody knows which tags were removed, and no computation under way may store an entry with tags. So both have to be lost for a tombstone
 * to be lost, and without their leases no computations store anything.
 *
 * No key is empty. An older process takes it for a pause: it neither shows nor asks for it, drops it with all leases (`clear`), or an hour
 * after the last tombstone.
 */
export const TOMBSTONES_NOTE = ''

/** The field of `tombstones` that stands for all tags. No tag is empty. */
export const ALL_TAGS = ''

/** The most ms that a lease can still last whose length is not known: one hour, and a minute by which the clock may have been set back. */
const LONGEST_LEASE_MS = 3_660_000

/**
 * A lease in Lua: `<until> <since> <token> <followed 0 or 1> <process> <length>`, times in ms. `length` is how long it lasts from its
 * beginning or renewal. `parse` takes it apart (`holder` is the process and the length), `line` puts it together. `left` gives how many ms
 * it still lasts.
 *
 * If it would last for more than twice its length, the server's clock was set back. Then it counts as ended: its holder may be dead, and
 * all would wait for as long as the clock was set back. A holder that lives loses it and no value is stored twice.
 *
 * An older process takes all that follows the fourth word as the name of the process, keeps it, and shows it. It writes no length. Any other
 * form is not a lease for it: it takes the key over, and what was computed under that lease is not stored. So the first four words must
 * never change.
 */
export const LEASE_LINE: string = `
local function parse(lease)
  return string.match(lease, '^([%d.]+) ([%d.]+) (%S+) ([01]) (.*)$')
end
local function line(ends, since, token, followed, holder)
  return table.concat({ ends, since, token, followed, holder }, ' ')
end
local function left(ends, time, holder)
  local ms, length = (tonumber(ends) or 0) - time, tonumber(string.match(holder, ' (%d+)'))
  return ms > 0 and ms <= (length and 2 * length or ${LONGEST_LEASE_MS}) and ms or 0
end
`

/** A computation under way, as its lease says. */
interface Lease {
  readonly sinceMs: number
  readonly token: string
  readonly isFollowed: boolean
  readonly process: string
}

/** Parses a lease. `undefined` when it is not one, or is a pause, or has ended at `nowMs`. */
export function readLease(lease: string, nowMs: number): Lease | undefined {
  const [, until, since, token, followed, process, length] =
    /^([\d.]+) ([\d.]+) (\S+) ([01]) (.*?)(?: (\d+).*)?$/.exec(lease) ?? []
  if (process === undefined || token === undefined || token === PAUSE_TOKEN) return undefined
  const leftMs = Number(until) - nowMs
  const isUnderWay = leftMs > 0 && leftMs <= (length === undefined ? LONGEST_LEASE_MS : 2 * Number(length))
  return isUnderWay ? { sinceMs: Number(since), token, isFollowed: followed === '1', process } : undefined
}

/** The most ms for which a process takes the upkeep. */
export const LONGEST_UPKEEP_MS = 60_000

/** The first word of a message in the channel; the rest is the key, the tag or the probe. */
export const MESSAGE = { filled: 'filled', nothing: 'nothing', voided: 'voided', tag: 'tag', cycle: 'cycle' } as const

/** Sends a message, in Lua. */
export const TELL: string = `
local function tell(channel, what, whose)
  redis.call('PUBLISH', channel, what .. ' ' .. whose)
end
`

/** Parses a message. `what` is `undefined` when it is none of these. */
export function readMessage(message: string): { what: keyof typeof MESSAGE | undefined; whose: string } {
  const [what, whose] = splitField(message)
  return { what: Object.hasOwn(MESSAGE, what) ? (what as keyof typeof MESSAGE) : undefined, whose }
}

/** The message of a probe for cycles: `cycle <from> <round> <after> <trail>`. */
export function writeCycleProbe({ from, round, after, trail }: CycleProbe): string {
  return `${MESSAGE.cycle} ${from} ${round} ${after} ${trail}`
}

/** Parses what follows the first word of such a message. */
export function readCycleProbe(text: string): CycleProbe | undefined {
  const [, from, round, after, trail] = /^(\S+) (\d{1,9}) (\S+) (\S*)$/.exec(text) ?? []
  if (from === undefined || after === undefined || trail === undefined) return undefined
  return { from, round: Number(round), after, trail }
}

/** The fields of `totals`, without those of the tiers. The field of a tier counts its hits. */
export const TOTALS = ['misses', 'stale', 'computations', 'errors', 'savedMs'] as const
export const TIERS = ['request', 'near', 'store', 'fallback'] as const

/** The counters of each group. A minute has only the first two. */
export const GROUP_COUNTERS = ['calls', 'hits', 'computations', 'computeMs', 'savedMs'] as const

/** Splits a field into its counter and its group or minute. */
export function splitField(field: string): [counter: string, of: string] {
  const space = field.indexOf(' ')
  return [field.slice(0, space), field.slice(space + 1)]
}

/** The fields of `sweep`: how many entries the server had evicted at the last round, and the key after which the next round begins. */
export const SWEEP_FIELDS = { evicted: 'evicted', cursor: 'cursor' } as const

/**
 * An event of the audit log: one field with one line, an `AuditEvent` in JSON. An older process leaves out properties that it does not
 * know.
 */
export const AUDIT = { line: 'line', atMost: 1000 } as const

/** The field `format` of `meta`. Its other field is `shards`, the number of shards (1, 16 or 64). The first process writes both. */
export const FORMAT = '1'
