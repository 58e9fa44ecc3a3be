import { CARRIES, FOREIGN, LEASE, NOW, TOMBSTONES, VOID, WHOLE } from './lua.js'
import { type Script, script } from './script.js'
import { MESSAGE, PAUSE_TOKEN, TOMBSTONES_NOTE } from './stored-layout.js'

/**
 * Notes that a tag is removed now, if computations are under way whose entries may carry it, and tells the processes that compute. More
 * steps may follow, with the cursor that the one before gave: each looks at some leases.
 *
 * A lease that began later than now is voided, whatever its entry will carry: the server's clock was set back meanwhile, and the
 * computation would seem to have begun after the removal. Other data under the name of the tag's set is dropped.
 *
 * KEYS: leases, tombstones, the tag's set. ARGV: channel, tag, the cursor of the leases, how many leases. Returns the next cursor.
 */
export const BURY_TAG: Script = script(`${NOW}${LEASE}${TOMBSTONES}${FOREIGN}
if foreign(redis.pcall('ZCARD', KEYS[3])) then redis.call('UNLINK', KEYS[3]) end
local time = now()
local cursor, leases = unpack(redis.call('HSCAN', KEYS[1], ARGV[3], 'COUNT', ARGV[4]))
local computes = cursor ~= '0'
for i = 1, #leases, 2 do
  local _, since, token = parse(leases[i + 1])
  since = token ~= '${PAUSE_TOKEN}' and tonumber(since)
  if since and since > time then void(KEYS[1], ARGV[1], leases[i])
  elseif since then computes = true end
end
if ARGV[3] ~= '0' then return cursor end
if computes then
  remember(KEYS[1], KEYS[2], time)
  redis.call('HSET', KEYS[2], ARGV[2], string.format('%.3f', time))
  tell(ARGV[1], '${MESSAGE.tag}', ARGV[2])
else
  redis.call('HDEL', KEYS[1], '${TOMBSTONES_NOTE}')
  redis.call('UNLINK', KEYS[2])
end
return cursor
`)

/**
 * Takes some names of a tag's set. Removes those whose entries do carry the tag, and drops all of them from the set.
 *
 * KEYS: leases, index, expiry, tags, ends, the tag's set, entry 1..n. ARGV: channel, tag, key 1..n. Returns the numbers (from 1) of those
 * removed.
 */
export const REMOVE_TAGGED: Script = script(`${CARRIES}${VOID}
local there = {}
for i = 7, #KEYS do
  local key = ARGV[i - 4]
  if carries(KEYS[i], ARGV[2]) then
    void(KEYS[1], ARGV[1], key)
    redis.call('UNLINK', KEYS[i])
    redis.call('ZREM', KEYS[2], key)
    redis.call('ZREM', KEYS[3], key)
    there[#there + 1] = i - 6
  end
end
redis.call('ZREM', KEYS[6], unpack(ARGV, 3))
if redis.call('EXISTS', KEYS[6]) == 0 then
  redis.pcall('ZREM', KEYS[4], ARGV[2])
  redis.pcall('ZREM', KEYS[5], ARGV[2])
end
return there
`)

/**
 * Finds which of some names of the sets of tags carry their tag. Drops the others from the set, and in bounded steps also what has expired.
 * Drops a tag from the tags when its set is empty. Then it gives some names of these sets by chance, to be looked at next: of each set in
 * proportion to its size.
 *
 * KEYS: tags, ends, the set of tag 1..n, then the entries of all names. ARGV: n, how many that have expired are dropped of each, how many
 * names it gives, about, tag 1..n, how many names are of tag 1..n, then the keys of all names. Returns for each tag: how many names were
 * dropped from its set, the numbers (from 1) of its names that carry the tag, the names to be looked at next.
 */
export const LOOK_AT_TAGS: Script = script(`${NOW}${CARRIES}${FOREIGN}
local n, time, reply, at, sizes, all = tonumber(ARGV[1]), now(), {}, 0, {}, 0
for i = 1, n do
  local set, tag, there, gone = KEYS[2 + i], ARGV[3 + i], {}, {}
  local before = redis.pcall('ZCARD', set)
  if foreign(before) then
    redis.call('UNLINK', set)
    before = 0
  end
  for j = 1, tonumber(ARGV[3 + n + i]) do
    if carries(KEYS[2 + n + at + j], tag) then there[#there + 1] = j
    else gone[#gone + 1] = ARGV[3 + 2 * n + at + j] end
  end
  if #gone > 0 then redis.call('ZREM', set, unpack(gone)) end
  at = at + ARGV[3 + n + i]
  local expired = redis.call('ZRANGE', set, '-inf', time, 'BYSCORE', 'LIMIT', 0, ARGV[2])
  if #expired > 0 then redis.call('ZREM', set, unpack(expired)) end
  sizes[i] = redis.call('ZCARD', set)
  all = all + sizes[i]
  if sizes[i] == 0 then
    redis.pcall('ZREM', KEYS[1], tag)
    redis.pcall('ZREM', KEYS[2], tag)
  end
  reply[i] = { before - sizes[i], there, {} }
end
local given = tonumber(ARGV[3])
if given > 0 then
  for i = 1, n do
    local set = KEYS[2 + i]
    if sizes[i] > 0 then
      reply[i][3] = redis.call('ZRANDMEMBER', set, all <= given and sizes[i] or math.max(1, math.floor(sizes[i] * given / all)))
    end
  end
end
return reply
`)

/**
 * Ends the sets of tags in which all names have expired, and gives some others of which that is to be expected.
 *
 * KEYS: tags, ends, the set of tag 1..n. ARGV: how many tags it gives, tag 1..n. Returns these tags.
 */
export const END_TAGS: Script = script(`${NOW}${FOREIGN}
local time = now()
for i = 3, #KEYS do
  local set, tag = KEYS[i], ARGV[i - 1]
  local last = redis.pcall('ZRANGE', set, 0, 0, 'REV', 'WITHSCORES')
  local ends = not foreign(last) and last[2]
  redis.call('ZREM', KEYS[2], tag)
  if ends and (ends == 'inf' or tonumber(ends) > time) then
    if ends ~= 'inf' then redis.call('ZADD', KEYS[2], ends, tag) end
  else
    redis.call('UNLINK', set)
    redis.pcall('ZREM', KEYS[1], tag)
  end
end
return redis.call('ZRANGE', KEYS[2], '-inf', time, 'BYSCORE', 'LIMIT', 0, ARGV[1])
`)

/**
 * Ends the sets of tags that hold no live key, and gives the next tags. It finds the live ones by the index, so it leaves the sets alone if
 * that is not whole, and those for which it would have to compare too many names.
 *
 * KEYS: index, expiry, tags, ends, the set of tag 1..n. ARGV: how many names it compares at most, the tag after which the next ones begin,
 * how many of them, tag 1..n. Returns the next tags.
 */
export const CLEAR_TAGS: Script = script(`${FOREIGN}${WHOLE}
local function share(few, many)
  for _, name in ipairs(redis.call('ZRANGE', few, 0, -1)) do
    if redis.call('ZSCORE', many, name) then return true end
  end
  return false
end
local index, left = KEYS[1], whole(KEYS[1], KEYS[2]) == 1 and tonumber(ARGV[1]) or -1
local live = redis.call('ZCARD', index)
for i = 5, #KEYS do
  local set, tag = KEYS[i], ARGV[i - 1]
  local size = redis.pcall('ZCARD', set)
  if foreign(size) then
    redis.call('UNLINK', set)
    size = 0
  end
  local few, many, compared = set, index, size
  if live < size then few, many, compared = index, set, live end
  if compared <= left then
    left = left - compared
    if not share(few, many) then
      redis.call('UNLINK', set)
      redis.pcall('ZREM', KEYS[3], tag)
      redis.pcall('ZREM', KEYS[4], tag)
    end
  end
end
if redis.call('EXISTS', KEYS[3]) == 0 then redis.call('UNLINK', KEYS[4]) end
return redis.call('ZRANGEBYLEX', KEYS[3], '(' .. ARGV[2], '+', 'LIMIT', 0, ARGV[3])
`)
