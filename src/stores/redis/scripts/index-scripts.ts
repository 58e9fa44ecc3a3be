import { NOW, PRUNE, VOID, WHOLE } from './lua.js'
import { type Script, script } from './script.js'
import { TOMBSTONES_NOTE } from './stored-layout.js'

/**
 * Drops expired keys from the index.
 *
 * KEYS: index, expiry. ARGV: how many at most. Returns how many it dropped.
 */
export const PRUNE_EXPIRED: Script = script(`${NOW}${PRUNE}
return prune(KEYS[1], KEYS[2], now(), ARGV[1])
`)

/**
 * Returns whether the index is whole. If the database was empty a moment ago, it marks the index as whole, because all that was written
 * since is in it.
 *
 * KEYS: index, expiry. ARGV: whether the database was empty (0, 1). Returns whether the index is whole (0, 1).
 */
export const BEGIN_INDEX: Script = script(`${WHOLE}
if whole(KEYS[1], KEYS[2]) == 1 then return 1 end
if ARGV[1] == '0' then return 0 end
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
 * Adds entries that were found to the index, if they are still there.
 *
 * KEYS: index, expiry, entry 1..n. ARGV: key 1..n.
 */
export const ADOPT: Script = script(`${NOW}
local time = now()
for i = 3, #KEYS do
  local left = redis.call('PTTL', KEYS[i])
  if left ~= -2 then
    redis.call('ZADD', KEYS[1], 0, ARGV[i - 2])
    redis.call('ZADD', KEYS[2], left == -1 and '+inf' or string.format('%.0f', math.floor(time) + left), ARGV[i - 2])
  end
end
return 1
`)

/**
 * Ends a rebuild. Marks the index as whole, unless it was lost meanwhile.
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
 * Drops names from the index whose entries are gone, for example evicted.
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
 * The first step of a delete with children: voids all computations of a key and of the keys below it, then gives the first names. The order
 * matters: otherwise a value computed before the delete could be stored after it.
 *
 * KEYS: index, expiry, leases, tombstones. ARGV: min, max, how many at most, channel, the key ('' for all), what keys below it begin with.
 * Returns the same as `RANGE`.
 */
export const VOID_AND_RANGE: Script = script(`${VOID}${WHOLE}
if ARGV[5] == '' then
  redis.call('HDEL', KEYS[3], '${TOMBSTONES_NOTE}')
  redis.call('UNLINK', KEYS[4])
end
for _, key in ipairs(redis.call('HKEYS', KEYS[3])) do
  if ARGV[5] == '' or key == ARGV[5] or string.sub(key, 1, #ARGV[6]) == ARGV[6] then void(KEYS[3], ARGV[4], key) end
end
return { whole(KEYS[1], KEYS[2]), unpack(redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])) }
`)

/**
 * A page of keys and how many there are in all, read at one moment. With '' as the key it lists everything.
 *
 * KEYS: index, expiry. ARGV: the key itself ('' for none), whether it is on this page (0, 1), min and max of the page, min and max of all,
 * limit. Returns: whether the index is whole (0, 1), how many in all, then the keys: one more than the limit if the page is not the last.
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
 * One level below a key, by skipping from group to group. The place of a child is its own key when it is a key, else that of its first key
 * below: a group is not contiguous, because p::1 < p::10 < p::1::x.
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
 * For each of some children of a level: whether it is a key itself, and how many keys are below it.
 *
 * KEYS: index. ARGV: child 1..n. Returns for each: whether it is a key (0, 1), how many keys are below it.
 */
export const CHILD_COUNTS: Script = script(`
local reply = {}
for i, child in ipairs(ARGV) do
  reply[2 * i - 1] = redis.call('ZSCORE', KEYS[1], child) and 1 or 0
  reply[2 * i] = redis.call('ZLEXCOUNT', KEYS[1], '[' .. child .. '::', '(' .. child .. ':;')
end
return reply
`)
