import { setTimeout as delay } from 'node:timers/promises'
import { Cluster } from 'ioredis'
import { startRedis } from './redis-server.mjs'

const MASTERS = 3
const SLOTS = 16_384
const READY_WITHIN_MS = 20_000
/** The hash tags that a cache gives to its shards; keys of two of them may be on different masters. */
const TAGS = ['18', '5x', 'dj', '3r', 'd2', 'pv', 'uh', 'iy', 'ly', 'h9', 'uv', 'q6', '9s', '5f', 'dt', 'ha']

/** A backend for the benchmark, of the same shape as one server: a Redis Cluster of its own, masters only. */
export async function startCluster() {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '5000']
  const servers = await Promise.all(Array.from({ length: MASTERS }, () => startRedis(args)))
  const masters = servers.map(({ client }) => client)
  await join(servers)
  const redis = servers.map(({ url }) => url)
  const client = new Cluster(redis)
  client.on('error', () => {})
  return {
    label: `Cluster of ${MASTERS} masters`,
    redis,
    client,
    masters,
    tags: TAGS.map((tag) => `{${tag}}`),
    async close() {
      client.disconnect()
      await Promise.all(servers.map((server) => server.close()))
    },
  }
}

/** Gives each server its share of the slots, and waits until every one of them knows of all. */
async function join(servers) {
  const share = (i) => Math.round((i * SLOTS) / servers.length)
  await Promise.all(
    servers.map(async ({ client }, i) => {
      await client.cluster('SET-CONFIG-EPOCH', i + 1)
      await client.cluster('ADDSLOTSRANGE', share(i), share(i + 1) - 1)
      if (i > 0) await client.cluster('MEET', '127.0.0.1', servers[0].port)
    }),
  )
  const endMs = Date.now() + READY_WITHIN_MS
  for (;;) {
    // eslint-disable-next-line no-await-in-loop -- until it is so
    const states = await Promise.all(servers.map(({ client }) => client.cluster('INFO')))
    if (states.every((state) => state.includes('cluster_state:ok') && state.includes(`cluster_slots_ok:${SLOTS}`)))
      return
    if (Date.now() > endMs) throw new Error(`The Cluster did not get ready:\n${states.join('\n')}`)
    // eslint-disable-next-line no-await-in-loop -- until it is so
    await delay(50)
  }
}
