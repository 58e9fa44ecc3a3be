import { LEASE, NOW, PRUNE, STORE, TAG } from './lua.js'
import { type Script, script } from './script.js'

/**
 * Takes the lease of a key, unless an entry is there that the caller has not seen, or another one holds it. After its deadline it does
 * nothing: a lease whose caller has been told that it failed would keep all others waiting.
 *
 * KEYS: leases, entry. ARGV: key, token, process, lease in ms, checksum of the entry seen ('' for none, '*' for whatever is there),
 * whether the caller follows (0, 1), whether it is patient (0, 1), deadline.
 * Returns { 'leads' }, { 'value', bytes }, { 'follows', ms left }, { 'paused', ms left } or, after the deadline, { 'late' }.
 */
export const ACQUIRE: Script = script(`${NOW}${LEASE}
local bytes = redis.pcall('GET', KEYS[2])
if type(bytes) == 'table' then bytes = false end
if bytes and ARGV[5] ~= '*' and string.sub(bytes, 19, 22) ~= ARGV[5] then return { 'value', bytes } end
local time = now()
if time > tonumber(ARGV[8]) then return { 'late' } end
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
