import { CARRIES, FOREIGN, LEASE, NOW, VOID } from './lua.js'
import { type Script, script } from './script.js'
import { MESSAGE, PAUSE_TOKEN } from './stored-layout.js'

/**
 * Notes that a tag is removed now, if computations are under way whose entries may carry it, and tells the processes that compute.
 *
 * A lease that began later than now is voided, whatever its entry will carry: the server's clock was set back meanwhile, and the
 * computation would seem to have begun after the removal. Other data under the name of the tag's set is dropped.
 *
 * KEYS: leases, tombstones, the tag's set. ARGV: channel, tag.
 */
export const BURY_TAG: Script = script(`${NOW}${LEASE}${FOREIGN}
if foreign(redis.pcall('ZCARD', KEYS[3])) then redis.call('UNLINK', KEYS[3]) end
if redis.call('EXISTS', KEYS[1]) == 1 then
  local time, first, leases = now(), math.huge, redis.call('HGETALL', KEYS[1])
  for i = 1, #leases, 2 do
    local _, since, token = parse(leases[i + 1])
    since = token ~= '${PAUSE_TOKEN}' and tonumber(since)
    if since and since > time then void(KEYS[1], ARGV[1], leases[i])
    elseif since then first = math.min(first, since) end
  end
  local added = redis.call('HSET', KEYS[2], ARGV[2], string.format('%.3f', time))
  if added == 1 and redis.call('HLEN', KEYS[2]) % 1000 == 0 then
    local buried = redis.call('HGETALL', KEYS[2])
    for i = 1, #buried, 2 do
      if (tonumber(buried[i + 1]) or 0) < first then redis.call('HDEL', KEYS[2], buried[i]) end
    end
  end
  tell(ARGV[1], '${MESSAGE.tag}', ARGV[2])
else
  redis.call('UNLINK', KEYS[2])
end
return 1
`)

/**
 * Takes some names of a tag's set. Removes those whose entries do carry the tag, and drops all of them from the set.
 *
 * KEYS: leases, index, expiry, tags, the tag's set, entry 1..n. ARGV: channel, tag, key 1..n. Returns the numbers (from 1) of those
 * removed.
 */
export const REMOVE_TAGGED: Script = script(`${CARRIES}${VOID}
local there = {}
for i = 6, #KEYS do
  local key = ARGV[i - 3]
  if carries(KEYS[i], ARGV[2]) then
    void(KEYS[1], ARGV[1], key)
    redis.call('UNLINK', KEYS[i])
    redis.call('ZREM', KEYS[2], key)
    redis.call('ZREM', KEYS[3], key)
    there[#there + 1] = i - 5
  end
  redis.call('ZREM', KEYS[5], key)
end
if redis.call('EXISTS', KEYS[5]) == 0 then redis.pcall('ZREM', KEYS[4], ARGV[2]) end
return there
`)

/**
 * Some names of the sets of tags, by chance. None of a set whose name holds other data.
 *
 * KEYS: the set of tag 1..n. ARGV: how many of each. Returns the names of each.
 */
export const SOME_TAGGED: Script = script(`
local reply = {}
for i, set in ipairs(KEYS) do
  local names = redis.pcall('ZRANDMEMBER', set, ARGV[1])
  reply[i] = names.err and {} or names
end
return reply
`)

/**
 * Finds which of some names of the sets of tags carry their tag. Drops the others from the set, and in bounded steps also what has expired.
 * Drops a tag from the tags when its set is empty.
 *
 * KEYS: tags, the set of tag 1..n, then the entries of all names. ARGV: n, how many that have expired are dropped of each, tag 1..n, how
 * many names are of tag 1..n, then the keys of all names. Returns for each tag: how many names are left in its set, how many were dropped,
 * then the numbers (from 1) of its names that carry the tag.
 */
export const LOOK_AT_TAGS: Script = script(`${NOW}${CARRIES}${FOREIGN}
local n, time, reply, at = tonumber(ARGV[1]), now(), {}, 0
for i = 1, n do
  local set, tag, there = KEYS[1 + i], ARGV[2 + i], {}
  local before = redis.pcall('ZCARD', set)
  if foreign(before) then
    redis.call('UNLINK', set)
    before = 0
  end
  for j = 1, tonumber(ARGV[2 + n + i]) do
    if carries(KEYS[1 + n + at + j], tag) then there[#there + 1] = j
    else redis.call('ZREM', set, ARGV[2 + 2 * n + at + j]) end
  end
  at = at + ARGV[2 + n + i]
  local expired = redis.call('ZRANGE', set, '-inf', time, 'BYSCORE', 'LIMIT', 0, ARGV[2])
  if #expired > 0 then redis.call('ZREM', set, unpack(expired)) end
  local left = redis.call('ZCARD', set)
  if left == 0 then redis.pcall('ZREM', KEYS[1], tag) end
  reply[i] = { left, before - left, unpack(there) }
end
return reply
`)
