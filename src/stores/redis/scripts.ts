import { createHash } from 'node:crypto'

/** A Lua script and the name under which Redis keeps it. */
export interface Script {
  readonly source: string
  readonly sha1: string
}

function script(source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex') }
}

/** The server's time in ms. Called once in a script: it moves on while the script runs. */
const NOW = `
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`

/** Removes at most `most` keys that have expired from both sorted sets, and says how many it found. */
const PRUNE = `
local function prune(index, expiry, now, most)
  local expired = redis.call('ZRANGE', expiry, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
  if #expired > 0 then
    redis.call('ZREM', index, unpack(expired))
    redis.call('ZREM', expiry, unpack(expired))
  end
  return #expired
end
`

/** Stores one entry with its place in the index, and says whether the key is new there. */
const STORE = `
local function store(entry, index, expiry, key, bytes, expires)
  if expires == '+inf' then redis.call('SET', entry, bytes)
  else redis.call('SET', entry, bytes, 'PXAT', expires) end
  redis.call('ZADD', expiry, expires, key)
  return redis.call('ZADD', index, 0, key)
end
`

/** Notes in the sorted set of each of an entry's tags that it carries it, and drops what has expired there. */
const TAG = `
local function tag(registry, sets, tags, now, key, expires)
  for i, set in ipairs(sets) do
    redis.call('ZADD', registry, 0, tags[i])
    redis.call('ZADD', set, expires, key)
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

/** Whether an entry carries a tag, by its own header: a name may stand in a tag's set that has lost the tag since. */
const CARRIES = `
local function carries(entry, tag)
  local head = redis.call('GETRANGE', entry, 0, 23)
  if #head < 24 or math.floor(string.byte(head, 2) / 2) % 2 == 0 then return false end
  local count = string.byte(head, 23) * 256 + string.byte(head, 24)
  local text = redis.call('GETRANGE', entry, 24, 23 + 258 * count)
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
 * A lease is `<until> <since> <token> <followed 0 or 1> <process>`, times in ms; the token of a pause is `-`.
 * `drop` ends one and tells those who follow it: `<outcome> <key>`.
 */
const LEASE = `
local function parse(lease)
  return string.match(lease, '^(%d+) (%d+) (%S+) ([01]) (.*)$')
end
local function drop(leases, channel, key, outcome)
  local lease = redis.call('HGET', leases, key)
  if not lease then return end
  redis.call('HDEL', leases, key)
  local _, _, _, followed = parse(lease)
  if followed == '1' then redis.call('PUBLISH', channel, outcome .. ' ' .. key) end
end
local function holds(leases, key, token)
  local lease = redis.call('HGET', leases, key)
  if not lease then return false end
  local _, _, held = parse(lease)
  return held == token and lease
end
`

/**
 * Stores entries with their places in the index and in the sets of their tags, and voids computations of their keys.
 * A script that reaches the server after its deadline does nothing: its caller has been told that it failed.
 *
 * KEYS: leases, index, expiry, entry 1..n, and where there are tags: tags, the set of tag 1..m. ARGV: channel, deadline, n, then
 * for each entry: key, bytes, expires at ('+inf' for never), then tag 1..m.
 * Returns the numbers (from 1) of those that have expired and were removed instead, or nil after the deadline.
 */
export const WRITE: Script = script(`${NOW}${PRUNE}${STORE}${TAG}${LEASE}
local time, n = now(), tonumber(ARGV[3])
if time > tonumber(ARGV[2]) then return false end
local registry, sets, tags = KEYS[4 + n], slice(KEYS, 5 + n, #KEYS), slice(ARGV, 4 + 3 * n, #ARGV)
local added, refused = 0, {}
for i = 1, n do
  local key, bytes, expires, entry = ARGV[3 * i + 1], ARGV[3 * i + 2], ARGV[3 * i + 3], KEYS[3 + i]
  drop(KEYS[1], ARGV[1], key, 'voided')
  if expires ~= '+inf' and tonumber(expires) <= time then
    redis.call('UNLINK', entry)
    redis.call('ZREM', KEYS[2], key)
    redis.call('ZREM', KEYS[3], key)
    refused[#refused + 1] = i
  else
    added = added + store(entry, KEYS[2], KEYS[3], key, bytes, expires)
    tag(registry, sets, tags, time, key, expires)
  end
end
if added > 0 then prune(KEYS[2], KEYS[3], time, math.min(16 * added, 500)) end
return refused
`)

/**
 * Removes entries and their places in the index, and voids computations of their keys.
 *
 * KEYS: leases, index, expiry, entry 1..n. ARGV: channel, key 1..n. Returns the numbers (from 1) of those that were there.
 */
export const REMOVE: Script = script(`${LEASE}
local there, names = {}, { unpack(ARGV, 2) }
local leased = redis.call('EXISTS', KEYS[1]) == 1
for i = 4, #KEYS do
  if leased then drop(KEYS[1], ARGV[1], names[i - 3], 'voided') end
  if redis.call('UNLINK', KEYS[i]) == 1 then there[#there + 1] = i - 3 end
end
redis.call('ZREM', KEYS[2], unpack(names))
redis.call('ZREM', KEYS[3], unpack(names))
return there
`)

/**
 * Takes the lease of a key, unless an entry is there that the caller has not seen, or another one holds it.
 *
 * KEYS: leases, entry. ARGV: key, token, process, lease in ms, checksum of the entry seen ('' for none, '*' for whatever is there),
 * whether the caller follows (0, 1), whether it is patient (0, 1).
 * Returns { 'leads' }, { 'value', bytes }, { 'follows', ms left } or { 'paused', ms left }.
 */
export const ACQUIRE: Script = script(`${NOW}${LEASE}
local bytes = redis.call('GET', KEYS[2])
if bytes and ARGV[5] ~= '*' and string.sub(bytes, 19, 22) ~= ARGV[5] then return { 'value', bytes } end
local time = now()
local lease = redis.call('HGET', KEYS[1], ARGV[1])
if lease then
  local ends, since, token, followed, process = parse(lease)
  if ends and tonumber(ends) > time then
    local left = tonumber(ends) - time
    if token ~= '-' then
      if ARGV[6] == '1' and followed == '0' then
        redis.call('HSET', KEYS[1], ARGV[1], table.concat({ ends, since, token, '1', process }, ' '))
      end
      return { 'follows', left }
    end
    if ARGV[7] == '1' then return { 'paused', left } end
  end
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f %s 0 %s', time + ARGV[4], time, ARGV[2], ARGV[3]))
return { 'leads' }
`)

/**
 * Makes a lease last from now on, if it has this token.
 *
 * KEYS: leases. ARGV: key, token, lease in ms. Returns 1, or 0 when the lease is another's or gone.
 */
export const RENEW: Script = script(`${NOW}${LEASE}
local lease = holds(KEYS[1], ARGV[1], ARGV[2])
if not lease then return 0 end
local _, since, token, followed, process = parse(lease)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s %s %s %s', now() + ARGV[3], since, token, followed, process))
return 1
`)

/**
 * Stores what was computed and ends the lease, if it still has this token. (Leases as in Nishtala et al., Scaling Memcache at
 * Facebook, 2013: a delete takes the lease away, so that a value read before it is never stored after it.)
 *
 * KEYS: leases, index, expiry, entry, tombstones, and where there are tags: tags, the set of tag 1..m.
 * ARGV: channel, key, token, bytes, expires at ('+inf' for never), tag 1..m.
 * Returns 1, or 0 when the lease is another's or gone, or one of the tags was removed since it began.
 */
export const FILL: Script = script(`${NOW}${PRUNE}${STORE}${TAG}${LEASE}
local lease = holds(KEYS[1], ARGV[2], ARGV[3])
if not lease then return 0 end
local time, tags, _, since = now(), slice(ARGV, 6, #ARGV), parse(lease)
for _, tag in ipairs(tags) do
  local buried = redis.call('HGET', KEYS[5], tag)
  if buried and tonumber(buried) >= tonumber(since) then
    drop(KEYS[1], ARGV[1], ARGV[2], 'voided')
    return 0
  end
end
if store(KEYS[4], KEYS[2], KEYS[3], ARGV[2], ARGV[4], ARGV[5]) == 1 then prune(KEYS[2], KEYS[3], time, 16) end
tag(KEYS[6], slice(KEYS, 7, #KEYS), tags, time, ARGV[2], ARGV[5])
drop(KEYS[1], ARGV[1], ARGV[2], 'filled')
return 1
`)

/**
 * Notes that a tag is removed now, where something is being computed that may carry it at its end.
 *
 * KEYS: leases, tombstones, the tag's set. ARGV: tag. Returns the score of the last key in the set, or nil.
 */
export const BURY_TAG: Script = script(`${NOW}${LEASE}
if redis.call('EXISTS', KEYS[1]) == 1 then
  if redis.call('HLEN', KEYS[2]) >= 1000 then
    local first = math.huge
    for _, lease in ipairs(redis.call('HVALS', KEYS[1])) do
      local _, since = parse(lease)
      first = math.min(first, tonumber(since) or 0)
    end
    local buried = redis.call('HGETALL', KEYS[2])
    for i = 1, #buried, 2 do
      if tonumber(buried[i + 1]) < first then redis.call('HDEL', KEYS[2], buried[i]) end
    end
  end
  redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', now()))
else
  redis.call('UNLINK', KEYS[2])
end
return redis.call('ZRANGE', KEYS[3], 0, 0, 'REV', 'WITHSCORES')[2]
`)

/**
 * Removes those of some names out of a tag's set whose entries do carry the tag, and takes all of them out of the set.
 *
 * KEYS: leases, index, expiry, tags, the tag's set, entry 1..n. ARGV: channel, tag, key 1..n. Returns the numbers (from 1) of those removed.
 */
export const REMOVE_TAGGED: Script = script(`${CARRIES}${LEASE}
local there = {}
for i = 6, #KEYS do
  local key = ARGV[i - 3]
  if carries(KEYS[i], ARGV[2]) then
    drop(KEYS[1], ARGV[1], key, 'voided')
    redis.call('UNLINK', KEYS[i])
    redis.call('ZREM', KEYS[2], key)
    redis.call('ZREM', KEYS[3], key)
    there[#there + 1] = i - 5
  end
  redis.call('ZREM', KEYS[5], key)
end
if redis.call('EXISTS', KEYS[5]) == 0 then redis.call('ZREM', KEYS[4], ARGV[2]) end
return there
`)

/**
 * Takes names out of a tag's set whose entries are gone, and the tag out of the tags when none is left.
 *
 * KEYS: tags, the tag's set, entry 1..n. ARGV: tag, key 1..n. Returns how many names are left.
 */
export const PRUNE_TAG: Script = script(`${NOW}
local expired = redis.call('ZRANGE', KEYS[2], '-inf', now(), 'BYSCORE', 'LIMIT', 0, 500)
if #expired > 0 then redis.call('ZREM', KEYS[2], unpack(expired)) end
for i = 3, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 0 then redis.call('ZREM', KEYS[2], ARGV[i - 1]) end
end
local left = redis.call('ZCARD', KEYS[2])
if left == 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end
return left
`)

/**
 * Ends a lease without an entry, if it has this token, and pauses patient attempts.
 *
 * KEYS: leases. ARGV: channel, key, token, outcome, pause in ms. Returns 1, or 0 when the lease is another's or gone.
 */
export const RELEASE: Script = script(`${NOW}${LEASE}
if not holds(KEYS[1], ARGV[2], ARGV[3]) then return 0 end
drop(KEYS[1], ARGV[1], ARGV[2], ARGV[4])
if tonumber(ARGV[5]) > 0 then
  local time = now()
  redis.call('HSET', KEYS[1], ARGV[2], string.format('%.0f %.0f - 0 -', time + ARGV[5], time))
end
return 1
`)

/**
 * Drops expired keys from the index.
 *
 * KEYS: index, expiry. ARGV: how many at most. Returns how many it dropped.
 */
export const PRUNE_EXPIRED: Script = script(`${NOW}${PRUNE}
return prune(KEYS[1], KEYS[2], now(), ARGV[1])
`)

/**
 * The index is whole where the empty member stands in it with score 0, and in the expiry set too: only the end of a rebuild writes
 * that, and it goes when the set goes. A rebuild under way is a negative score, its token.
 */
const WHOLE = `
local function whole(index, expiry)
  local score = redis.call('ZSCORE', index, '')
  return score and tonumber(score) == 0 and redis.call('ZSCORE', expiry, '') and 1 or 0
end
`

/**
 * Says that the index is whole, if it is: also where the database is empty.
 *
 * KEYS: index, expiry. Returns whether it is whole (0, 1).
 */
export const BEGIN_INDEX: Script = script(`${WHOLE}
if whole(KEYS[1], KEYS[2]) == 1 then return 1 end
if redis.call('DBSIZE') > 0 then return 0 end
redis.call('ZADD', KEYS[1], 0, '')
redis.call('ZADD', KEYS[2], '+inf', '')
return 1
`)

/**
 * Begins a rebuild. What is written from now on is in the index anyway.
 *
 * KEYS: index, expiry. ARGV: token, a number above 0.
 */
export const BEGIN_REBUILD: Script = script(`
redis.call('ZADD', KEYS[1], -ARGV[1], '')
redis.call('ZADD', KEYS[2], '+inf', '')
return 1
`)

/**
 * Gives entries that were found their places in the index, if they are still there.
 *
 * KEYS: index, expiry, entry 1..n. ARGV: key 1..n.
 */
export const ADOPT: Script = script(`${NOW}
local time = now()
for i = 3, #KEYS do
  local left = redis.call('PTTL', KEYS[i])
  if left ~= -2 then
    redis.call('ZADD', KEYS[1], 0, ARGV[i - 2])
    redis.call('ZADD', KEYS[2], left == -1 and '+inf' or string.format('%.0f', time + left), ARGV[i - 2])
  end
end
return 1
`)

/**
 * Ends a rebuild: the index is whole if it has not been lost meanwhile.
 *
 * KEYS: index, expiry. ARGV: token. Returns whether it is whole (0, 1).
 */
export const END_REBUILD: Script = script(`
local score = redis.call('ZSCORE', KEYS[1], '')
if not score or tonumber(score) ~= -tonumber(ARGV[1]) or not redis.call('ZSCORE', KEYS[2], '') then return 0 end
redis.call('ZADD', KEYS[1], 0, '')
return 1
`)

/**
 * Drops names out of the index whose entries are gone, as after an eviction.
 *
 * KEYS: index, expiry, entry 1..n. ARGV: key 1..n. Returns how many it dropped.
 */
export const SWEEP: Script = script(`
local dead = {}
for i = 3, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 0 then dead[#dead + 1] = ARGV[i - 2] end
end
if #dead > 0 then
  redis.call('ZREM', KEYS[1], unpack(dead))
  redis.call('ZREM', KEYS[2], unpack(dead))
end
return #dead
`)

/**
 * The names of a range, and whether the index was whole when they were read.
 *
 * KEYS: index, expiry. ARGV: min, max, how many at most. Returns: whether it is whole (0, 1), then the names.
 */
export const RANGE: Script = script(`${WHOLE}
return { whole(KEYS[1], KEYS[2]), unpack(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) }
`)

/**
 * The first step of a delete with children: voids all computations of a key and of the keys below it, then gives the first names.
 * In this order: the other one would let what was computed before the delete be stored after it.
 *
 * KEYS: index, expiry, leases. ARGV: min, max, how many at most, channel, the key ('' for all), what keys below it begin with.
 * Returns as the range does.
 */
export const VOID_AND_RANGE: Script = script(`${LEASE}${WHOLE}
for _, key in ipairs(redis.call('HKEYS', KEYS[3])) do
  if ARGV[5] == '' or key == ARGV[5] or string.sub(key, 1, #ARGV[6]) == ARGV[6] then drop(KEYS[3], ARGV[4], key, 'voided') end
end
return { whole(KEYS[1], KEYS[2]), unpack(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) }
`)

/**
 * A page of keys and how many there are in all, from one moment. Without a key of its own ('') it lists everything.
 *
 * KEYS: index, expiry. ARGV: the key itself ('' for none), whether it is on this page (0, 1), min and max of the page, min and max of
 * all, limit. Returns: whether the index is whole (0, 1), how many in all, then the keys: one more than the limit where the page is
 * not the last.
 */
export const LIST: Script = script(`${WHOLE}
local self, limit = ARGV[1], tonumber(ARGV[7])
local reply = { whole(KEYS[1], KEYS[2]), redis.call('ZLEXCOUNT', KEYS[1], ARGV[5], ARGV[6]) }
if self ~= '' and redis.call('ZSCORE', KEYS[1], self) then
  reply[2] = reply[2] + 1
  if ARGV[2] == '1' then reply[3] = self end
end
if limit >= 0 then
  local names = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[3], ARGV[4], 'LIMIT', 0, limit + 3 - #reply)
  for _, name in ipairs(names) do reply[#reply + 1] = name end
end
return reply
`)

/**
 * One level below a key, by skipping from group to group. A child stands at its own place when it is a key, else at that of its
 * first key below: a group is not contiguous, since p::1 < p::10 < p::1::x.
 *
 * KEYS: index, expiry. ARGV: what children begin with ('' or 'key::'), min and max of the range, how many children at most.
 * Returns: whether the index is whole (0, 1), then for each child: its key, whether it is a key (0, 1), how many keys are below it.
 */
export const CHILDREN: Script = script(`${WHOLE}
local index, prefix, min, max, limit = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local reply = { whole(KEYS[1], KEYS[2]) }
while #reply <= 3 * limit do
  local name = redis.call('ZRANGEBYLEX', index, min, max, 'LIMIT', 0, 1)[1]
  if not name then break end
  local cut = string.find(name, '::', #prefix + 1, true)
  local child = cut and string.sub(name, 1, cut - 1) or name
  if not cut or not redis.call('ZSCORE', index, child) then
    reply[#reply + 1] = child
    reply[#reply + 1] = cut and 0 or 1
    reply[#reply + 1] = redis.call('ZLEXCOUNT', index, '[' .. child .. '::', '(' .. child .. ':;')
  end
  if cut then min = '[' .. child .. ':;' else min = '(' .. name end
end
return reply
`)

/**
 * Adds what one process counted, unless this batch of it was added before. Groups beyond the bound count as 'other'.
 *
 * KEYS: totals, groups, minutes, processes. ARGV: process, instance, batch number, started at, now, oldest minute to keep,
 * how many groups, batch as JSON: { totals: { field: n }, groups: { group: { field: n } }, minutes: { minute: { field: n } } }.
 */
export const ADD_STATS: Script = script(`
local run, number, now = ARGV[1] .. ' ' .. ARGV[2], tonumber(ARGV[3]), ARGV[5]
local seen = redis.call('HGET', KEYS[4], run)
local last = seen and tonumber(string.match(seen, '^%S+ %S+ (%d+)$'))
if last and last >= number then return 0 end
if not seen or number % 60 == 0 then
  local all = redis.call('HGETALL', KEYS[4])
  for i = 1, #all, 2 do
    local at = tonumber(string.match(all[i + 1], '^%S+ (%S+)'))
    if not at or at < tonumber(ARGV[6]) then redis.call('HDEL', KEYS[4], all[i]) end
  end
end
redis.call('HSET', KEYS[4], run, ARGV[4] .. ' ' .. now .. ' ' .. ARGV[3])
local batch = cjson.decode(ARGV[8])
for field, n in pairs(batch.totals) do redis.call('HINCRBY', KEYS[1], field, n) end
for group, fields in pairs(batch.groups) do
  if redis.call('HEXISTS', KEYS[2], 'calls ' .. group) == 0 and redis.call('HLEN', KEYS[2]) >= 5 * tonumber(ARGV[7]) then
    group = 'other'
  end
  for field, n in pairs(fields) do redis.call('HINCRBY', KEYS[2], field .. ' ' .. group, n) end
end
local fresh = false
for minute, fields in pairs(batch.minutes) do
  if redis.call('HEXISTS', KEYS[3], 'calls ' .. minute) == 0 then fresh = true end
  for field, n in pairs(fields) do redis.call('HINCRBY', KEYS[3], field .. ' ' .. minute, n) end
end
if fresh then
  for _, field in ipairs(redis.call('HKEYS', KEYS[3])) do
    if tonumber(string.match(field, '(%d+)$')) < tonumber(ARGV[6]) then redis.call('HDEL', KEYS[3], field) end
  end
end
return 1
`)
