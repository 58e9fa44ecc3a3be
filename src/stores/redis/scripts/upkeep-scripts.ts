import { LEASE, NOW, PRUNE, TOMBSTONES } from './lua.js'
import { type Script, script } from './script.js'
import { LONGEST_UPKEEP_MS, PAUSE_TOKEN, SWEEP_FIELDS, TOMBSTONES_NOTE } from './stored-layout.js'

/**
 * How many entries the server has evicted, now and at the last call. The second is nil at first, the first nil if the
 * Redis user may not ask for it.
 *
 * A full server refuses to add anything unless the script has removed something before. So this and `NOTE_CURSOR` remove something first,
 * because they are needed to make room.
 */
const COUNT_EVICTED = `
local function count_evicted(sweep)
  local stats = redis.pcall('INFO', 'stats')
  local evicted = type(stats) == 'string' and string.match(stats, 'evicted_keys:(%d+)')
  local known = redis.call('HGET', sweep, '${SWEEP_FIELDS.evicted}')
  if evicted and evicted ~= known then
    redis.call('HDEL', sweep, '${SWEEP_FIELDS.evicted}')
    redis.call('HSET', sweep, '${SWEEP_FIELDS.evicted}', evicted)
  end
  return { evicted, known }
end
`

/** Drops removed keys from the expiry set, unless they have been stored again. Returns how many it looked at. */
const FORGET = `
local function forget_removed(index, expiry, removed, most)
  local names, gone = redis.call('LPOP', removed, most) or {}, {}
  for _, name in ipairs(names) do
    if not redis.call('ZSCORE', index, name) then gone[#gone + 1] = name end
  end
  if #gone > 0 then redis.call('ZREM', expiry, unpack(gone)) end
  return #names
end
`

/** From so many tombstones on, no lease of a dead process may keep them. */
const MANY_TOMBSTONES = 1000

/**
 * `prune_leases` is one step of a walk over all leases. It drops pauses that are over, leases that ended more than a minute ago (their
 * processes are dead), and what was to last so long that the server's clock must have been set back. If there are many tombstones, it drops a lease as soon as it
 * has ended. Returns the next cursor, how many it dropped, and when the first computation began of all that it has left, given that of the
 * steps before.
 *
 * `prune_tombstones` is one step of a walk over all tombstones, with what the walk over the leases has found. Drops those from before all
 * computations. Returns the next cursor, and how many it dropped.
 */
const PRUNE_LEASES = `
local function prune_leases(leases, tombstones, time, from, first, most)
  local grace = redis.call('HLEN', tombstones) < ${MANY_TOMBSTONES} and 60000 or 0
  local cursor, lines = unpack(redis.call('HSCAN', leases, from, 'COUNT', most))
  local dropped = 0
  for i = 1, #lines, 2 do
    local ends, since, token, _, holder = parse(lines[i + 1])
    local over = time - (tonumber(ends) or 0)
    if lines[i] == '${TOMBSTONES_NOTE}' then
    elseif over > (token == '${PAUSE_TOKEN}' and 0 or grace) or (over < 0 and left(ends, time, holder) == 0) then
      dropped = dropped + redis.call('HDEL', leases, lines[i])
    elseif token ~= '${PAUSE_TOKEN}' then first = math.min(first, tonumber(since) or 0) end
  end
  return cursor, dropped, first
end
local function prune_tombstones(leases, tombstones, time, from, first, most)
  local cursor, lines = unpack(redis.call('HSCAN', tombstones, from, 'COUNT', most))
  local old = {}
  for i = 1, #lines, 2 do
    if (tonumber(lines[i + 1]) or 0) < first then old[#old + 1] = lines[i] end
  end
  if redis.call('HEXISTS', leases, '${TOMBSTONES_NOTE}') == 1 or #lines > 0 then remember(leases, tombstones, time) end
  if #old > 0 then redis.call('HDEL', tombstones, unpack(old)) end
  if redis.call('EXISTS', tombstones) == 0 then redis.call('HDEL', leases, '${TOMBSTONES_NOTE}') end
  return cursor, #old
end
`

/**
 * Gives the caller the upkeep for some time, or more time if it has it, unless another process has it. If that process has it for longer
 * than anybody takes it, the server's clock was set back, and the process may be dead.
 *
 * KEYS: sweeper. ARGV: the caller's token, for how many ms. Returns 0 if the caller has it, else for how many ms another process has it: -1
 * if that has no end.
 */
export const HOLD_UPKEEP: Script = script(`
local holder = redis.pcall('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  local ms = redis.call('PTTL', KEYS[1])
  if ms <= ${LONGEST_UPKEEP_MS} then return ms end
end
redis.call('UNLINK', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0
`)

/**
 * One step of the upkeep of a shard, for no more names than given: drops expired keys from the index, then removed keys from the expiry set,
 * then leases and tombstones that nobody needs.
 *
 * KEYS: sweep, index, expiry, removed, leases, tombstones, tags, ends. ARGV: how many names at most; the walk over leases and tombstones: the
 * cursor in each, and when the first computation began ('' at the beginning); how many tags of each kind; the tag at which the last step
 * ended. Returns how many entries the server has evicted, now and at the last step; whether there is more to drop (0, 1); where the walk is
 * now; tags whose sets are over, as far as is known; the next tags.
 */
export const KEEP_UP: Script = script(`${NOW}${PRUNE}${LEASE}${TOMBSTONES}${COUNT_EVICTED}${FORGET}${PRUNE_LEASES}
local evictions, time, dropped = count_evicted(KEYS[1]), now(), 0
local lease, tombstone, first = ARGV[2], ARGV[3], tonumber(ARGV[4]) or time
local left = ARGV[1] - prune(KEYS[2], KEYS[3], time, ARGV[1])
if left > 0 then left = left - forget_removed(KEYS[2], KEYS[3], KEYS[4], left) end
if left > 0 then
  if tombstone == '0' then lease, dropped, first = prune_leases(KEYS[5], KEYS[6], time, lease, first, left) end
  if lease == '0' then tombstone, dropped = prune_tombstones(KEYS[5], KEYS[6], time, tombstone, first, left) end
end
local walks = lease ~= '0' or tombstone ~= '0'
return {
  evictions,
  (left <= 0 or (walks and dropped > 0)) and 1 or 0,
  { lease, tombstone, walks and string.format('%.3f', first) or '' },
  redis.call('ZRANGE', KEYS[8], '-inf', time, 'BYSCORE', 'LIMIT', 0, ARGV[5]),
  redis.call('ZRANGEBYLEX', KEYS[7], '(' .. ARGV[6], '+', 'LIMIT', 0, ARGV[5])
}
`)

/**
 * Counts the entries that a server without room has evicted.
 *
 * KEYS: sweep, index. Returns how many, now and at the last call, as above.
 */
export const EVICTED: Script = script(`${COUNT_EVICTED}
return count_evicted(KEYS[1])
`)

/**
 * Notes how far the sweep has come.
 *
 * KEYS: sweep. ARGV: the name at which the next round begins.
 */
export const NOTE_CURSOR: Script = script(`
redis.call('HDEL', KEYS[1], '${SWEEP_FIELDS.cursor}')
redis.call('HSET', KEYS[1], '${SWEEP_FIELDS.cursor}', ARGV[1])
return 1
`)
