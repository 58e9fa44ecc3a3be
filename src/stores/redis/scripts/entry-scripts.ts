import { NOW, PRUNE, STORE, TAG, VOID } from './lua.js'
import { type Script, script } from './script.js'

/**
 * Stores entries with their places in the index and in the sets of their tags, and voids computations of their keys. After its deadline the
 * script does nothing, because its caller has been told that it failed. In all names of entries the part before the key has the same
 * length, so no key has to be sent twice.
 *
 * KEYS: leases, index, expiry, entry 1..n, and where there are tags: tags, ends, the set of tag 1..m. ARGV: channel, deadline, n, how many bytes
 * the first key has, then for each entry: bytes, expires at ('+inf' for never), then tag 1..m.
 * Returns the numbers (from 1) of the entries that have expired and were removed instead, or nil after the deadline.
 */
export const WRITE: Script = script(`${NOW}${PRUNE}${STORE}${TAG}${VOID}
local time, n, begin = now(), tonumber(ARGV[3]), #KEYS[4] - ARGV[4] + 1
if time > tonumber(ARGV[2]) then return false end
local sets, tags
if #KEYS > 3 + n then sets, tags = slice(KEYS, 6 + n, #KEYS), slice(ARGV, 5 + 2 * n, #ARGV) end
local leased = redis.call('EXISTS', KEYS[1]) == 1
local added, refused = 0, {}
for i = 1, n do
  local entry, bytes, expires = KEYS[3 + i], ARGV[2 * i + 3], ARGV[2 * i + 4]
  local key = string.sub(entry, begin)
  if leased then void(KEYS[1], ARGV[1], key) end
  local new = store(entry, KEYS[2], KEYS[3], key, bytes, expires, time)
  if not new then refused[#refused + 1] = i
  else
    added = added + new
    if tags then tag(KEYS[4 + n], KEYS[5 + n], sets, tags, time, key, expires) end
  end
end
if added > 0 then prune(KEYS[2], KEYS[3], time, math.min(16 * added, 500)) end
return refused
`)

/**
 * Removes entries and their places in the index, and voids computations of their keys. Each key is given once. In all names of entries the
 * part before the key has the same length. `FORGET` removes the keys from the expiry set later, because finding a thousand of them among a
 * million costs as much as all the rest.
 *
 * KEYS: leases, index, removed, entry 1..n. ARGV: channel, how many bytes the first key has. Returns how many there were if all were there,
 * else the numbers (from 1) of those that were.
 */
export const REMOVE: Script = script(`${VOID}
local entries, names, begin = { unpack(KEYS, 4) }, {}, #KEYS[4] - ARGV[2] + 1
for i, entry in ipairs(entries) do names[i] = string.sub(entry, begin) end
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, name in ipairs(names) do void(KEYS[1], ARGV[1], name) end
end
local there = redis.call('EXISTS', unpack(entries))
if there == #entries then redis.call('UNLINK', unpack(entries))
else
  there = {}
  for i, entry in ipairs(entries) do
    if redis.call('UNLINK', entry) == 1 then there[#there + 1] = i end
  end
end
redis.call('ZREM', KEYS[2], unpack(names))
-- The last write: a full server refuses to add anything unless the script has removed something before.
redis.call('RPUSH', KEYS[3], unpack(names))
return there
`)

/**
 * The first bytes of some entries, and the size of each. A value that is not a string counts as missing.
 *
 * KEYS: entry 1..n. ARGV: how many bytes. Returns for each: its size in bytes (0: there is none), the first bytes.
 */
export const HEADS: Script = script(`
local reply = {}
for i, entry in ipairs(KEYS) do
  local head = redis.pcall('GETRANGE', entry, 0, ARGV[1] - 1)
  if type(head) == 'table' then head = '' end
  reply[2 * i - 1] = head == '' and 0 or redis.call('STRLEN', entry)
  reply[2 * i] = head
end
return reply
`)
