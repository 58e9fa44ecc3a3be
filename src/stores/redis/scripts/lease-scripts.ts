import { LEASE, NOW, PRUNE, STORE, TAG, TOMBSTONES } from './lua.js'
import { type Script, script } from './script.js'
import { ENTRY, MESSAGE, PAUSE_TOKEN } from './stored-layout.js'

/**
 * Takes the lease of each of some keys, unless there is an entry that the caller has not seen, or another caller holds the lease. After its
 * deadline it takes none: its caller has been told that it failed, and the lease would keep all others waiting. In all names of entries the
 * part before the key has the same length, so no key has to be sent twice.
 *
 * KEYS: leases, entry 1..n. ARGV: deadline, how many bytes the first key has, then for each key: token, process, lease in ms, checksum of
 * the entry seen ('' for none, '*' for whatever is there), whether the caller follows (0, 1), whether it is patient (0, 1).
 * Returns for each { 'leads' }, { 'value', bytes }, { 'follows', ms left, token of the leader, checksum of the entry where '*' was
 * given }, { 'paused', ms left } or, after the deadline, { 'late' }.
 */
export const ACQUIRE: Script = script(`${NOW}${LEASE}
local time, begin, reply = now(), #KEYS[2] - ARGV[2] + 1, {}
local function attempt(entry, token, process, ms, seen, follows, patient)
  local bytes = redis.pcall('GET', entry)
  if type(bytes) == 'table' then bytes = false end
  if bytes and seen ~= '*' and string.sub(bytes, -${ENTRY.checksumBytes}) ~= seen then return { 'value', bytes } end
  if time > tonumber(ARGV[1]) then return { 'late' } end
  local key = string.sub(entry, begin)
  local lease = redis.call('HGET', KEYS[1], key)
  if lease then
    local ends, since, held, followed, holder = parse(lease)
    local rest = ends and left(ends, time, holder) or 0
    if rest > 0 then
      if held ~= '${PAUSE_TOKEN}' then
        if follows == '1' and followed == '0' then
          redis.call('HSET', KEYS[1], key, line(ends, since, held, '1', holder))
        end
        return { 'follows', rest, held, seen == '*' and bytes and string.sub(bytes, -${ENTRY.checksumBytes}) or nil }
      end
      if patient == '1' then return { 'paused', rest } end
    end
  end
  local ends, since = string.format('%.0f', time + ms), string.format('%.3f', time)
  redis.call('HSET', KEYS[1], key, line(ends, since, token, '0', process .. ' ' .. ms))
  return { 'leads' }
end
for i = 2, #KEYS do reply[i - 1] = attempt(KEYS[i], unpack(ARGV, 6 * i - 9, 6 * i - 4)) end
return reply
`)

/**
 * Extends a lease from now on, if it has this token. Ends it if one of the tags was removed since it began.
 *
 * KEYS: leases, tombstones. ARGV: channel, key, token, lease in ms, tag 1..n. Returns 1, or 0 when the lease is another's or gone, or ended
 * here.
 */
export const RENEW: Script = script(`${NOW}${LEASE}${TOMBSTONES}
local time = now()
local channel, key, token, ms = unpack(ARGV)
local lease = holds(KEYS[1], key, token)
if not lease then return 0 end
local _, since, _, followed, holder = parse(lease)
if buries(removed(KEYS[1], KEYS[2], time, ARGV, 5), tonumber(since) or 0, time) then
  finish(KEYS[1], KEYS[2], channel, key, lease, '${MESSAGE.voided}')
  return 0
end
local ends, lasting = string.format('%.0f', time + ms), string.gsub(holder, ' %d+', ' ' .. ms, 1)
redis.call('HSET', KEYS[1], key, line(ends, since, token, followed, lasting))
return 1
`)

/**
 * Stores what was computed and ends the leases, each if it still has its token. (Leases as in Nishtala et al., Scaling Memcache at
 * Facebook, 2013: a delete takes the lease away, so that a value read before the delete is never stored after it.) An entry that has expired
 * removes what was under its key, in the same way: that is how a computation ends whose value cannot be kept. In all names of entries the
 * part before the key has the same length.
 *
 * KEYS: leases, index, expiry, tombstones, entry 1..n, and where there are tags: tags, ends, the set of tag 1..m.
 * ARGV: channel, n, how many bytes the first key has, then for each entry: token, bytes, expires at ('+inf' for never), then tag 1..m.
 * Returns for each 1, or 0 when the lease is another's or gone, or one of the tags was removed since it began.
 */
export const FILL: Script = script(`${NOW}${PRUNE}${STORE}${TAG}${LEASE}${TOMBSTONES}
local time, n, begin = now(), tonumber(ARGV[2]), #KEYS[5] - ARGV[3] + 1
local sets, tags = slice(KEYS, 7 + n, #KEYS), slice(ARGV, 4 + 3 * n, #ARGV)
local buried = removed(KEYS[1], KEYS[4], time, tags, 1)
local added, filled = 0, {}
for i = 1, n do
  local entry, token, bytes, expires = KEYS[4 + i], unpack(ARGV, 3 * i + 1, 3 * i + 3)
  local key = string.sub(entry, begin)
  local lease, outcome = holds(KEYS[1], key, token), '${MESSAGE.filled}'
  filled[i] = 0
  if lease then
    local _, since = parse(lease)
    if buries(buried, tonumber(since) or 0, time) then outcome = '${MESSAGE.voided}'
    else
      local new = store(entry, KEYS[2], KEYS[3], key, bytes, expires, time)
      if new then
        added = added + new
        tag(KEYS[5 + n], KEYS[6 + n], sets, tags, time, key, expires)
      else outcome = '${MESSAGE.nothing}' end
      filled[i] = 1
    end
    finish(KEYS[1], KEYS[4], ARGV[1], key, lease, outcome)
  end
end
if added > 0 then prune(KEYS[2], KEYS[3], time, math.min(16 * added, 500)) end
return filled
`)

/**
 * Ends a lease without an entry, if it has this token, and pauses patient attempts. What is stored under the key stays.
 *
 * KEYS: leases, tombstones. ARGV: channel, key, token, outcome, pause in ms, tag 1..n. Returns 1, or 0 when the lease is another's or gone, or
 * one of the tags was removed since it began.
 */
export const RELEASE: Script = script(`${NOW}${LEASE}${TOMBSTONES}
local time, lease = now(), holds(KEYS[1], ARGV[2], ARGV[3])
if not lease then return 0 end
local _, since = parse(lease)
if buries(removed(KEYS[1], KEYS[2], time, ARGV, 6), tonumber(since) or 0, time) then
  finish(KEYS[1], KEYS[2], ARGV[1], ARGV[2], lease, '${MESSAGE.voided}')
  return 0
end
finish(KEYS[1], KEYS[2], ARGV[1], ARGV[2], lease, ARGV[4])
if tonumber(ARGV[5]) > 0 then
  local ends, began = string.format('%.0f', time + ARGV[5]), string.format('%.0f', time)
  redis.call('HSET', KEYS[1], ARGV[2], line(ends, began, '${PAUSE_TOKEN}', '0', '- ' .. ARGV[5]))
end
return 1
`)
