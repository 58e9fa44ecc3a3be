import { type Script, script } from './script.js'
import { GROUP_COUNTERS } from './stored-layout.js'

/**
 * Adds what one process counted, unless this batch was added before. Its number is noted last. Groups beyond the bound count as 'other'.
 * The hashes may hold any text: a counter that is not a number starts again, and a field that is not a minute is dropped.
 *
 * KEYS: totals, groups, minutes, processes. ARGV: process, instance, batch number, started at, now, oldest minute to keep, how many groups,
 * batch as JSON: { totals: { field: n }, groups: { group: { field: n } }, minutes: { minute: { field: n } } }.
 */
export const ADD_STATS: Script = script(`
local run, number, now = ARGV[1] .. ' ' .. ARGV[2], tonumber(ARGV[3]), ARGV[5]
-- What is no hash fails here, before anything is added.
for _, name in ipairs(KEYS) do redis.call('HLEN', name) end
local function add(name, field, n)
  if type(redis.pcall('HINCRBY', name, field, n)) == 'table' then redis.call('HSET', name, field, n) end
end
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
local batch = cjson.decode(ARGV[8])
for field, n in pairs(batch.totals) do add(KEYS[1], field, n) end
for group, fields in pairs(batch.groups) do
  if redis.call('HEXISTS', KEYS[2], 'calls ' .. group) == 0 and redis.call('HLEN', KEYS[2]) >= ${GROUP_COUNTERS.length} * tonumber(ARGV[7]) then
    group = 'other'
  end
  for field, n in pairs(fields) do add(KEYS[2], field .. ' ' .. group, n) end
end
local fresh = false
for minute, fields in pairs(batch.minutes) do
  if redis.call('HEXISTS', KEYS[3], 'calls ' .. minute) == 0 then fresh = true end
  for field, n in pairs(fields) do add(KEYS[3], field .. ' ' .. minute, n) end
end
if fresh then
  for _, field in ipairs(redis.call('HKEYS', KEYS[3])) do
    if (tonumber(string.match(field, ' (%d+)$')) or 0) < tonumber(ARGV[6]) then redis.call('HDEL', KEYS[3], field) end
  end
end
redis.call('HSET', KEYS[4], run, ARGV[4] .. ' ' .. now .. ' ' .. ARGV[3])
return 1
`)

/**
 * Gives the counters of all processes and the processes seen.
 *
 * KEYS: totals, groups, minutes, processes. Returns the fields and values of each.
 */
export const READ_STATS: Script = script(`
local reply = {}
for i, name in ipairs(KEYS) do reply[i] = redis.call('HGETALL', name) end
return reply
`)
