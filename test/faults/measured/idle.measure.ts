import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, test } from 'vitest'
import { countedDuring, type Sent } from '../../support/commands-counted.js'
import { lasting } from '../../support/fault-row.js'
import { limits } from '../../support/limits.js'
import { type RedisCluster, startCluster } from '../../support/redis-cluster.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { SteadyCallers } from '../../support/steady-callers.js'
import { whereKnown } from '../../support/where-known.js'

const PROCESSES = 3
const SETTLE_MS = lasting(8000, 3000)
const COUNTED_MS = lasting(30_000, 5000)

let callers: SteadyCallers | undefined
let servers: RedisServer | RedisCluster | undefined
afterEach(async () => {
  await callers?.close()
  await servers?.close()
  ;[callers, servers] = [undefined, undefined]
})

describe.each([
  ['as by default', {}, { server: 5, master: 4 }],
  ['as by default, with near', { near: true }, { server: 5, master: 4 }],
  ["with `upkeep: 'low'`", { upkeep: 'low' }, { server: 1, master: 1 }],
  ["with `upkeep: 'low'` and near", { upkeep: 'low', near: true }, { server: 1, master: 1 }],
])('Processes that do nothing, %s', (how, options, most) => {
  test('on one server', { timeout: 90_000 }, async () => {
    const server = await startRedis()
    servers = server
    callers = await SteadyCallers.idle(server.url, PROCESSES, whereKnown(options))
    await delay(SETTLE_MS)
    const perSecond = await busiest(callers, await countedDuring(server, () => delay(COUNTED_MS)))
    limits('idle', `${PROCESSES} idle processes on one server, ${how}`, [
      { what: 'commands/s of the busiest process', figure: perSecond.busiest, most: most.server },
      { what: 'of all of them', figure: perSecond.all },
    ])
  })

  test('on a Cluster of 3', { timeout: 120_000 }, async () => {
    const cluster = await startCluster()
    servers = cluster
    const own = (callers = await SteadyCallers.idle(cluster.urls, PROCESSES, whereKnown(options)))
    await delay(SETTLE_MS)
    const each = await Promise.all(cluster.masters.map((master) => countedDuring(master, () => delay(COUNTED_MS))))
    const perMaster = await Promise.all(each.map((sent) => busiest(own, sent)))
    const perSecond = await busiest(own, each.flat())
    const isLow = 'upkeep' in options
    limits('idle', `${PROCESSES} idle processes on a Cluster of 3 masters, ${how}`, [
      {
        what: 'commands/s of the busiest process to one master',
        figure: Math.max(...perMaster.map(({ busiest: ofMaster }) => ofMaster)),
        ...(isLow ? {} : { most: most.master }),
      },
      {
        what: 'commands/s of the busiest process to all masters',
        figure: perSecond.busiest,
        ...(isLow ? { most: most.master } : {}),
      },
      { what: 'of all of them', figure: perSecond.all },
    ])
  })
})

/** How many a second the process sends that sends most, and all of them together. */
async function busiest(own: SteadyCallers, sent: readonly Sent[]): Promise<{ busiest: number; all: number }> {
  const ports = await Promise.all(own.workers.map((worker) => worker.call<number[]>('ports')))
  const counts = ports.map((list) => sent.filter(({ port }) => list.includes(port)).length)
  return {
    busiest: (1000 * Math.max(...counts)) / COUNTED_MS,
    all: (1000 * counts.reduce((a, b) => a + b)) / COUNTED_MS,
  }
}
