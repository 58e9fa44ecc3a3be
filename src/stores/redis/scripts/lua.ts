import { ENTRY, LEASE_LINE, MESSAGE, TELL } from './stored-layout.js'

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
 * Adds the key of an entry to the sorted set of each of its tags, and drops what has expired there. Other data under the name of the set is
 * replaced, because otherwise nobody could write or delete the tag.
 */
export const TAG: string = `${FOREIGN}
local function note(set, score, member)
  local reply = redis.pcall('ZADD', set, score, member)
  if type(reply) ~= 'table' then return end
  if foreign(reply) then redis.call('UNLINK', set) end
  redis.call('ZADD', set, score, member)
end
local function tag(registry, sets, tags, now, key, expires)
  for i, set in ipairs(sets) do
    note(registry, 0, tags[i])
    note(set, expires, key)
    local expired = redis.call('ZRANGE', set, '-inf', now, 'BYSCORE', 'LIMIT', 0, 16)
    if #expired > 0 then redis.call('ZREM', set, unpack(expired)) end
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

/** Whether an entry carries a tag, as the entry itself says. The tag's set may still hold a key that has lost the tag. */
export const CARRIES: string = `
local function carries(entry, tag)
  local head = redis.pcall('GETRANGE', entry, 0, ${COUNTED - 1})
  if type(head) == 'table' or #head < ${COUNTED} or math.floor(string.byte(head, 2) / ${ENTRY.hasTags}) % 2 == 0 then return false end
  local count = string.byte(head, ${COUNTED - 1}) * 256 + string.byte(head, ${COUNTED})
  local text = redis.call('GETRANGE', entry, ${COUNTED}, ${COUNTED - 1} + 258 * count)
  local at = 1
  for _ = 1, count do
    local high, low = string.byte(text, at, at + 1)
    if not low then return false end
    local length = 256 * high + low
    if string.sub(text, at + 2, at + 1 + length) == tag then return true end
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
 * `stored-layout.ts` describes the line and the messages of a lease. `finish` ends a lease and tells those who follow it. `holds` returns
 * the lease if it has this token.
 */
export const LEASE: string = `${LEASE_LINE}${VOID}
local function finish(leases, channel, key, lease, outcome)
  redis.call('HDEL', leases, key)
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
 * `buried_at` gives when a tag was removed during computations, or 0. `buries` says whether a computation may have begun before that.
 *
 * What lies in the future is of the time before the server's clock was set back. Such a removal counts as one of now, or nothing with
 * that tag could be stored until then. Such a computation may have begun before any removal.
 *
 * `buried` says that of a lease and the tags of a list, from the place `first` on.
 */
export const BURIED: string = `
local function buried_at(tombstones, tag, time)
  local at = tonumber(redis.call('HGET', tombstones, tag) or 0)
  if at <= time then return at end
  redis.pcall('HSET', tombstones, tag, string.format('%.3f', time))
  return time
end
local function buries(at, since, time)
  return at > 0 and (at >= since or since > time)
end
local function buried(tombstones, lease, tags, first, time)
  local _, since = parse(lease)
  for i = first, #tags do
    if buries(buried_at(tombstones, tags[i], time), tonumber(since) or 0, time) then return true end
  end
  return false
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
