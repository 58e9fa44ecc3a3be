import { createHash } from 'node:crypto'

/** A Lua script and the name under which Redis keeps it. */
export interface Script {
  readonly source: string
  readonly sha1: string
}

function script(source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex') }
}

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
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`

/**
 * Stores entries with their places in the index, and ends computations of their keys.
 * A script that reaches the server after its deadline does nothing: its caller has been told that it failed.
 *
 * KEYS: leases, index, expiry, entry 1..n. ARGV: deadline, then for each entry: key, bytes, expires at ('+inf' for never).
 * Returns 1, or 0 after the deadline.
 */
export const WRITE: Script = script(`${PRUNE}
local time = now()
if time > tonumber(ARGV[1]) then return 0 end
local added = 0
for i = 4, #KEYS do
  local at = 3 * (i - 4) + 2
  local key, bytes, expires = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if expires == '+inf' then redis.call('SET', KEYS[i], bytes)
  else redis.call('SET', KEYS[i], bytes, 'PXAT', expires) end
  redis.call('HDEL', KEYS[1], key)
  added = added + redis.call('ZADD', KEYS[2], 0, key)
  redis.call('ZADD', KEYS[3], expires, key)
end
if added > 0 then prune(KEYS[2], KEYS[3], time, 16 * added) end
return 1
`)

/**
 * Removes entries and their places in the index, and ends computations of their keys.
 *
 * KEYS: leases, index, expiry, entry 1..n. ARGV: key 1..n. Returns the numbers (from 1) of those that were there.
 */
export const REMOVE: Script = script(`
local there = {}
for i = 4, #KEYS do
  if redis.call('UNLINK', KEYS[i]) == 1 then there[#there + 1] = i - 3 end
end
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HDEL', KEYS[1], unpack(ARGV)) end
redis.call('ZREM', KEYS[2], unpack(ARGV))
redis.call('ZREM', KEYS[3], unpack(ARGV))
return there
`)

/**
 * Drops expired keys from the index.
 *
 * KEYS: index, expiry. ARGV: how many at most. Returns how many it dropped.
 */
export const PRUNE_EXPIRED: Script = script(`${PRUNE}
return prune(KEYS[1], KEYS[2], now(), ARGV[1])
`)

/**
 * A page of keys and how many there are in all, from one moment. Without a key of its own ('') it lists everything.
 *
 * KEYS: index. ARGV: the key itself ('' for none), whether it is on this page (0, 1), min and max of the page, min and max of all, limit.
 * Returns: how many in all, then the keys: one more than the limit where the page is not the last.
 */
export const LIST: Script = script(`
local self, limit = ARGV[1], tonumber(ARGV[7])
local reply = { redis.call('ZLEXCOUNT', KEYS[1], ARGV[5], ARGV[6]) }
if self ~= '' and redis.call('ZSCORE', KEYS[1], self) then
  reply[1] = reply[1] + 1
  if ARGV[2] == '1' then reply[2] = self end
end
local names = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[3], ARGV[4], 'LIMIT', 0, limit + 2 - #reply)
for _, name in ipairs(names) do reply[#reply + 1] = name end
return reply
`)

/**
 * One level below a key, by skipping from group to group. A child stands at its own place when it is a key, else at that of its
 * first key below: a group is not contiguous, since p::1 < p::10 < p::1::x.
 *
 * KEYS: index. ARGV: what children begin with ('' or 'key::'), min and max of the range, how many children at most.
 * Returns for each child: its key, whether it is a key (0, 1), how many keys are below it.
 */
export const CHILDREN: Script = script(`
local index, prefix, min, max, limit = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local reply = {}
while #reply < 3 * limit do
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
local process, instance, number, now = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[5]
local seen = redis.call('HGET', KEYS[4], process)
if seen then
  local last, batch = string.match(seen, '^%S+ %S+ (%S+) (%d+)$')
  if last == instance and tonumber(batch) >= number then return 0 end
end
if not seen or number % 60 == 0 then
  local all = redis.call('HGETALL', KEYS[4])
  for i = 1, #all, 2 do
    local at = tonumber(string.match(all[i + 1], '^%S+ (%S+)'))
    if not at or at < tonumber(ARGV[6]) then redis.call('HDEL', KEYS[4], all[i]) end
  end
end
redis.call('HSET', KEYS[4], process, ARGV[4] .. ' ' .. now .. ' ' .. instance .. ' ' .. ARGV[3])
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
