import { CHECKSUM_BYTES, HAS_TAGS, HEADER_BYTES, MAGIC_AND_VERSION } from '../../../values/entry.js'

/*
 * What is stored in Redis: every name below the prefix, its type, and the form of what it holds. Processes of other versions use the same
 * names while versions change. So each name says what a process of an older version (0.1 is the first) does with what it does not know.
 *
 * What holds for all of them:
 * - An older process never touches a name that is not listed in its own version: not in `clear` either. A new name is the newer one's alone.
 *   It may not begin as those that end with a key or a tag do: on a single server `P:v:` and `P:tag:` are followed by any text.
 * - It knows nothing of what a newer one keeps there. What a newer one wants it to respect must be said in what it knows: a computation is
 *   voided by taking its lease away, and by nothing else.
 * - The shard of a key (`shards/key-hash.ts`) and the hash tags (`shards/hash-tags.ts`) may never change: the same key would be in two places.
 */

/** One name below the prefix, or all that begin with it. */
export interface StoredName {
  /** What stands between the prefix and the shard's hash tag, or the end. */
  readonly after: string
  /** Its type as Redis calls it; a channel is none. */
  readonly type: 'string' | 'hash' | 'zset' | 'list' | 'stream' | 'channel'
  /** Whether each shard has one, the first alone, or the prefix, with no hash tag. */
  readonly of: 'each shard' | 'first shard' | 'prefix'
  /** What comes after the hash tag, if anything does: there is one name for each. */
  readonly ofEach?: 'key' | 'tag'
}

/** All names below the prefix. */
export const STORED = {
  /**
   * The entry of a key, as `ENTRY` says. It expires (PXAT) when its ttl and its grace are over.
   *
   * An older process replaces it by `set`, and removes it by `delete`, `deleteTag` and `clear`, whatever it holds.
   */
  entry: { after: ':v:', type: 'string', of: 'each shard', ofEach: 'key' },
  /**
   * The keys there are, all of score 0, in lexicographic order. The empty member says whether that is all of them: score 0 where it is, and
   * the same member stands in `expiry`; minus a rebuild's token while one is under way; missing where it is not known.
   *
   * May never change: an older process lists, counts and deletes every member as a key. Other scores would spoil the order.
   */
  index: { after: ':index:', type: 'zset', of: 'each shard' },
  /**
   * The same keys, those in `removed`, and the empty member (`+inf`), by the time at which their entries expire (ms, `+inf` for never).
   *
   * May never change: an older process drops each key whose time has come from here and from `index` without a look at its entry. What gives
   * an entry more time says so here, and in the sets of its tags.
   */
  expiry: { after: ':expiry:', type: 'zset', of: 'each shard' },
  /** Keys that were removed and may still be in `expiry`. An older process drops them there, but for those in `index`. May never change. */
  removed: { after: ':removed:', type: 'list', of: 'each shard' },
  /**
   * The computations under way and the pauses after failures, by key: `LEASE_LINE`.
   *
   * An older process drops what is no lease within a second, and takes each field for a key. So nothing else may stand here.
   */
  leases: { after: ':leases:', type: 'hash', of: 'each shard' },
  /**
   * When a tag was removed while something was being computed, by tag: ms on the server's clock, with three decimals.
   *
   * May never change: where it is no number, the scripts of an older process fail that fill or renew an entry of this tag. They remove the
   * whole name when no lease is left, so it may hold nothing that must last longer.
   */
  tombstones: { after: ':tombstones:', type: 'hash', of: 'each shard' },
  /** The tags that entries carry, all of score 0. An older process drops each whose set is empty. May never change. */
  tags: { after: ':tags:', type: 'zset', of: 'each shard' },
  /**
   * The keys that carry a tag, scored as in `expiry`.
   *
   * An older process takes out each key whose entry is not there, or does not say in `ENTRY` that it carries the tag. May never have an end
   * (EXPIRE) while 0.1 runs: it adds keys that live longer, and `deleteTag` would not find them.
   */
  tag: { after: ':tag:', type: 'zset', of: 'each shard', ofEach: 'tag' },
  /** Messages to those who compute: `MESSAGE`. An older process passes over those that begin with another word. */
  wake: { after: ':wake', type: 'channel', of: 'prefix' },
  /** What all processes counted: `TOTALS` and `TIERS`. An older process leaves other fields alone. */
  totals: { after: ':stats:totals', type: 'hash', of: 'first shard' },
  /**
   * What they counted of each group of keys: `<counter> <group>`, by `GROUP_COUNTERS`.
   *
   * An older process shows a group of which it knows no counter, with zeros. It takes the number of fields divided by 5 for the number of
   * groups: with other counters here it would count groups by name as `other` too early. Those go to a name of their own.
   */
  groups: { after: ':stats:groups', type: 'hash', of: 'first shard' },
  /**
   * What they counted in each minute: `calls` and `hits`, as `<counter> <start of the minute in ms>`, for a day.
   *
   * An older process keeps other counters as long as its own, and drops each field that does not end in a blank and a minute of this day.
   */
  minutes: { after: ':stats:minutes', type: 'hash', of: 'first shard' },
  /**
   * The processes seen in a day: `<host:pid> <instance>` is `<started at> <seen at> <number of its last batch>`, times in ms.
   *
   * The last word is for the process itself, so that a batch which arrives twice counts once. An older one reads the first two times of the
   * others, whatever follows, and drops what is not seen in a day or has no such times.
   */
  processes: { after: ':processes', type: 'hash', of: 'first shard' },
  /**
   * That a process rebuilds the index, or has just done so: its token, with an end (PX).
   *
   * An older process rebuilds nothing while it is there, whatever it says. So it must have an end.
   */
  rebuild: { after: ':rebuild', type: 'string', of: 'first shard' },
  /** How far the sweep after evictions has come: `SWEEP_FIELDS`. An older process leaves other fields alone. */
  sweep: { after: ':sweep', type: 'hash', of: 'each shard' },
  /** That a process does the upkeep: with an end (PX), as an older process does none while it is there, whatever it says. */
  sweeper: { after: ':sweeper', type: 'string', of: 'first shard' },
  /** Written and read back by `require()`. Any text does. */
  probe: { after: ':probe', type: 'string', of: 'each shard' },
  /** What staff did: `AUDIT`. An older process reads the first field of each event, and passes over what is no event. */
  audit: { after: ':audit', type: 'stream', of: 'first shard' },
  /**
   * What all processes agree on: the `format` of all that is stored (`FORMAT`), and the number of `shards`. An older process leaves other fields alone.
   *
   * Where the format is another, a process that connects does not use the prefix: it reads, stores and deletes nothing. One that is connected
   * goes on until it connects anew, and tells of an error in its upkeep. So another format is for a prefix of its own.
   */
  meta: { after: ':meta', type: 'hash', of: 'prefix' },
} as const

/** A name below the prefix in full; where there is one for each key or tag, what these begin with. */
export function storedName(keyPrefix: string, { after, of }: StoredName, hashTag: string): string {
  return of === 'prefix' ? keyPrefix + after : keyPrefix + after + hashTag
}

/**
 * What of an entry (`src/values/entry.ts`) is known to scripts: magic and version (1 byte), flags (1), soft expiry (6), created (6), time to
 * compute (4), then tags where the flags say so (how many: 2, each with its length: 2), the payload, and a checksum (4).
 *
 * What an older process does with an entry:
 * - A later version (a first byte up to 0xef): a miss. It computes for itself, and stores nothing over it.
 * - Flags, kinds of values (`src/values/type-tags.ts`) or a first byte that it does not know, or a wrong checksum: a miss, and it stores its
 *   own over it. So what 0.1 cannot read gets a later version; else both would overwrite each other in turns.
 *
 * May never change, in no version, as scripts go by it whatever the version is: where the flag of tags and the tags stand (or an older process
 * takes the entry out of the sets of its tags, and `deleteTag` does not find it), and that the last 4 bytes tell one entry of a key from
 * another (or one who has seen the old one computes although a new one is there).
 */
export const ENTRY: Readonly<Record<'version' | 'headerBytes' | 'hasTags' | 'checksumBytes', number>> = {
  version: MAGIC_AND_VERSION,
  headerBytes: HEADER_BYTES,
  hasTags: HAS_TAGS,
  checksumBytes: CHECKSUM_BYTES,
}

/** The token of a pause: what failed is not tried again by those who have a stale value. */
export const PAUSE_TOKEN = '-'

/** No lease ends later than this from now: one hour, and a minute by which the server's clock may have been set back. */
export const LONGEST_LEASE_MS = 3_660_000

/**
 * A lease in Lua: `<until> <since> <token> <followed 0 or 1> <process>`, times in ms. `parse` takes it apart, `line` puts it together.
 *
 * An older process takes all that follows the fourth word for the name of the process, keeps it, and shows it. What else is of another form
 * is no lease to it: it takes the key over, and what was computed under that lease is not stored. So the first four words may never change.
 */
export const LEASE_LINE: string = `
local function parse(lease)
  return string.match(lease, '^([%d.]+) ([%d.]+) (%S+) ([01]) (.*)$')
end
local function line(ends, since, token, followed, process)
  return table.concat({ ends, since, token, followed, process }, ' ')
end
`

/** What a lease says; `undefined` where it is none, or a pause. */
export function readLease(lease: string): { untilMs: number; sinceMs: number; process: string } | undefined {
  const [, until, since, token, process] = /^([\d.]+) ([\d.]+) (\S+) [01] (.*)$/.exec(lease) ?? []
  if (process === undefined || token === PAUSE_TOKEN) return undefined
  return { untilMs: Number(until), sinceMs: Number(since), process }
}

/** The first word of a message in the channel; the rest is the key, or the tag. */
export const MESSAGE = { filled: 'filled', nothing: 'nothing', voided: 'voided', tag: 'tag' } as const

/** Sends a message, in Lua. */
export const TELL: string = `
local function tell(channel, what, whose)
  redis.call('PUBLISH', channel, what .. ' ' .. whose)
end
`

/** What a message says; no `what` where it is none of these. */
export function readMessage(message: string): { what: keyof typeof MESSAGE | undefined; whose: string } {
  const [what, whose] = splitField(message)
  return { what: Object.hasOwn(MESSAGE, what) ? (what as keyof typeof MESSAGE) : undefined, whose }
}

/** The fields of `totals`, without those of the tiers: how many hits each had. */
export const TOTALS = ['misses', 'stale', 'computations', 'errors', 'savedMs'] as const
export const TIERS = ['request', 'near', 'store'] as const

/** What is counted of each group; in each minute, the first two. */
export const GROUP_COUNTERS = ['calls', 'hits', 'computations', 'computeMs', 'savedMs'] as const

/** The counter of a field, and its group or minute. */
export function splitField(field: string): [counter: string, of: string] {
  const space = field.indexOf(' ')
  return [field.slice(0, space), field.slice(space + 1)]
}

/** The fields of `sweep`: how many entries the server had evicted, and the key after which the next round begins. */
export const SWEEP_FIELDS = { evicted: 'evicted', cursor: 'cursor' } as const

/** An event of staff: one field with one line, an `AuditEvent` in JSON. An older process leaves out what it does not know of an event. */
export const AUDIT = { line: 'line', atMost: 1000 } as const

/** What `meta` says in its field `format`; the other one is `shards`: how many there are (1, 16 or 64). The first process says both. */
export const FORMAT = '1'
