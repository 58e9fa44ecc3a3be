import { ALL_TAGS, ENTRY, LEASE_LINE, MESSAGE, PAUSE_TOKEN, TELL, TOMBSTONES_NOTE } from './stored-layout.js'

/** The server's time in ms, to a microsecond. Call it once in a script, because the time moves on while the script runs. */
export const NOW: string = `
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + time[2] / 1000
end
`

/** Removes at most `most` expired keys from both sorted sets, and returns how many it found. */
export const PRUNE: string = `
local function prune(index, expiry, now, most)
  local expired = redis.call('ZRANGE', expiry, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
  if #expired > 0 then
    redis.call('ZREM', index, unpack(expired))
    redis.call('ZREM', expiry, unpack(expired))
  end
  return #expired
end
`

/**
 * Stores one entry with its place in the index. Returns 1 if the key is new there, else 0. Of an entry that has expired it returns nil: what
 * was under its key is removed.
 */
export const STORE: string = `
local function store(entry, index, expiry, key, bytes, expires, now)
  if expires ~= '+inf' and tonumber(expires) <= now then
    redis.call('UNLINK', entry)
    redis.call('ZREM', index, key)
    redis.call('ZREM', expiry, key)
    return nil
  end
  if expires == '+inf' then redis.call('SET', entry, bytes)
  else redis.call('SET', entry, bytes, 'PXAT', expires) end
  redis.call('ZADD', expiry, expires, key)
  return redis.call('ZADD', index, 0, key)
end
`

/** Whether a call has failed because the name holds data of another type. */
export const FOREIGN: string = `
local function foreign(reply)
  return type(reply) == 'table' and reply.err ~= nil and string.find(reply.err, 'WRONGTYPE', 1, true) ~= nil
end
`

/**
 * Adds the key of an entry to the sorted set of each of its tags, notes when the set will be over, and drops what has expired there. Other
 * data under the name of the set is replaced, because otherwise nobody could write or delete the tag. All entries of one script have the same
 * tags. So what concerns the tag alone is done with the first of them.
 */
export const TAG: string = `${FOREIGN}
local function note(set, ...)
  local reply = redis.pcall('ZADD', set, ...)
  if type(reply) ~= 'table' then return end
  if foreign(reply) then redis.call('UNLINK', set) end
  redis.call('ZADD', set, ...)
end
local latest, more = {}, {}
local function tag(registry, ends, sets, tags, now, key, expires)
  local over = expires == '+inf' and 0 or tonumber(expires)
  for i, set in ipairs(sets) do
    if not latest[i] then note(registry, 0, tags[i]) end
    note(set, expires, key)
    if over > (latest[i] or 0) then note(ends, 'GT', expires, tags[i]) end
    if not latest[i] or more[i] then
      local expired = redis.call('ZRANGE', set, '-inf', now, 'BYSCORE', 'LIMIT', 0, 16)
      if #expired > 0 then redis.call('ZREM', set, unpack(expired)) end
      more[i] = #expired == 16
    end
    latest[i] = math.max(over, latest[i] or 0)
  end
end
local function slice(list, first, last)
  local part = {}
  for i = first, last do part[#part + 1] = list[i] end
  return part
end
`

/** The size of an entry's header and of the number of tags after it, in bytes. */
const COUNTED = ENTRY.headerBytes + 2

/** So many bytes of an entry hold all its tags in most cases. Where they do not, the rest is read too. */
const TAGS_READ = 1024

/** Whether an entry carries a tag, as the entry itself says. The tag's set may still hold a key that has lost the tag. */
export const CARRIES: string = `
local byte, sub = string.byte, string.sub
local function carries(entry, tag)
  local text = redis.pcall('GETRANGE', entry, 0, ${TAGS_READ - 1})
  if type(text) == 'table' or #text < ${COUNTED} or math.floor(byte(text, 2) / ${ENTRY.hasTags}) % 2 == 0 then return false end
  local at, count, size = ${COUNTED + 1}, byte(text, ${COUNTED - 1}) * 256 + byte(text, ${COUNTED}), #tag
  for i = 1, count do
    local high, low = byte(text, at, at + 1)
    if #text == ${TAGS_READ} and (not low or at + 1 + 256 * high + low > #text) then
      text = redis.call('GETRANGE', entry, 0, at + 258 * (count - i + 1))
      high, low = byte(text, at, at + 1)
    end
    if not low then return false end
    local length = 256 * high + low
    if length == size and sub(text, at + 2, at + 1 + length) == tag then return true end
    at = at + 2 + length
  end
  return false
end
`

/**
 * `void` deletes a lease, and tells its holder and those who follow it, so that nobody waits for a voided computation. It is not part of
 * `LEASE`, because each call of a script makes every function that the script defines.
 */
export const VOID: string = `${TELL}
local function void(leases, channel, key)
  if redis.call('HDEL', leases, key) == 1 then tell(channel, '${MESSAGE.voided}', key) end
end
`

/**
 * `stored-layout.ts` describes the line and the messages of a lease. `finish` ends a lease and tells those who follow it. With the last
 * lease, the tombstones go. `holds` returns the lease if it has this token.
 */
export const LEASE: string = `${LEASE_LINE}${VOID}
local function finish(leases, tombstones, channel, key, lease, outcome)
  redis.call('HDEL', leases, key)
  if redis.call('HLEN', leases) == 1 and redis.call('HDEL', leases, '${TOMBSTONES_NOTE}') == 1 then redis.call('UNLINK', tombstones) end
  local _, _, _, followed = parse(lease)
  if followed == '1' then tell(channel, outcome, key) end
end
local function holds(leases, key, token)
  local lease = redis.call('HGET', leases, key)
  if not lease then return false end
  local _, _, held = parse(lease)
  return held == token and lease
end
`

/**
 * Tombstones (`stored-layout.ts`). `remember` notes that there are some. If it was noted and they are gone, they were lost, whichever they
 * were: then it leaves one for all tags. `removed` gives when one of some tags, those of the list from `first` on, was last removed during
 * computations, or 0. `buries` says whether a computation may have begun before that.
 *
 * What lies in the future is of the time before the server's clock was set back. Such a removal counts as one of now, or nothing with
 * that tag could be stored until then. Such a computation may have begun before any removal.
 */
export const TOMBSTONES: string = `
local function remember(leases, tombstones, time)
  -- The first write removes: a full server refuses to add anything unless the script has removed something before.
  local noted = redis.call('HDEL', leases, '${TOMBSTONES_NOTE}') == 1
  if noted and redis.call('EXISTS', tombstones) == 0 then
    redis.call('HSET', tombstones, '${ALL_TAGS}', string.format('%.3f', time))
  end
  redis.call('HSET', leases, '${TOMBSTONES_NOTE}', line(string.format('%.0f', time + 3600000), '0', '${PAUSE_TOKEN}', '0', '-'))
end
local function buried_at(tombstones, tag, time)
  local at = tonumber(redis.call('HGET', tombstones, tag) or 0)
  if at <= time then return at end
  redis.pcall('HSET', tombstones, tag, string.format('%.3f', time))
  return time
end
local function removed(leases, tombstones, time, tags, first)
  if #tags < first then return 0 end
  if redis.call('HEXISTS', leases, '${TOMBSTONES_NOTE}') == 1 then remember(leases, tombstones, time) end
  local last = buried_at(tombstones, '${ALL_TAGS}', time)
  for i = first, #tags do last = math.max(last, buried_at(tombstones, tags[i], time)) end
  return last
end
local function buries(at, since, time)
  return at > 0 and (at >= since or since > time)
end
`

/**
 * The index is whole if it holds the empty member with score 0, and the expiry set holds the empty member too. Only `BEGIN_INDEX` and the
 * end of a rebuild write score 0, and the member is lost when the set is lost. During a rebuild the score is minus its token.
 */
export const WHOLE: string = `
local function whole(index, expiry)
  local score = redis.call('ZSCORE', index, '')
  return score and tonumber(score) == 0 and redis.call('ZSCORE', expiry, '') and 1 or 0
end
`
