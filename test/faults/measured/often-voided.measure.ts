import { afterAll, beforeAll, test } from 'vitest'
import { lasting } from '../../support/fault-row.js'
import { limits } from '../../support/limits.js'
import { FACTORY_MS, OftenVoidedProcesses, waitOf, type Way } from '../../support/often-voided.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'

const LASTS_MS = lasting(8000, 2000)

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

test.each<[string, number, Way]>([
  ['the embedded store', 1, 'delete'],
  ['the embedded store', 1, 'tag'],
  ['Redis', 1, 'delete'],
  ['Redis', 6, 'delete'],
  ['Redis', 6, 'children'],
  ['Redis', 6, 'tag'],
  ['Redis', 6, 'clear'],
])('a key on %s, read in %d processes, is voided more often than it can be computed: %s', async (where, count, way) => {
  const options = where === 'Redis' ? { redis: server.url, keyPrefix: 'measured' } : {}
  const processes = await OftenVoidedProcesses.start(count, options)
  const read = await processes.read(way, LASTS_MS)
  await processes.close()
  limits(
    'often-voided',
    `${where}, ${count} processes, 40 reads/s each, factory ${FACTORY_MS} ms, every 100 ms: ${way}`,
    [
      { what: 'reads', figure: read.waits.length },
      { what: 'median wait, times the factory', figure: waitOf(read, 0.5), most: 1.3 },
      { what: '99 of 100', figure: waitOf(read, 0.99), most: 2.1 },
      { what: 'worst', figure: waitOf(read, 1), most: 3 },
      { what: 'most runs in a process', figure: read.runs, most: read.deletes + 1 },
    ],
  )
})
