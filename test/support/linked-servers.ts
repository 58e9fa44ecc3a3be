import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import type { RedisAddress } from '../../src/contract/redis-address.js'
import { type RedisCluster, startCluster } from './redis-cluster.js'
import { startRedis } from './redis-server.js'
import { type SlowLink, startSlowLink } from './slow-link.js'
import { until } from './until.js'

/** Redis behind a network of limited throughput. */
export interface Linked {
  /** Where it is reached through the network. */
  readonly redis: RedisAddress
  readonly link: SlowLink
  close(): Promise<void>
}

const file = (name: string): string => fileURLToPath(new URL(`tls/${name}`, import.meta.url))

/** The kinds of servers that there are, each behind a network of limited throughput. */
export const LINKED: readonly (readonly [string, () => Promise<Linked>])[] = [
  ['one server', linkedServer],
  ['TLS', linkedTls],
  ['a Cluster of 3', linkedCluster],
  ['a unix socket', linkedSocket],
  ['Sentinel', linkedSentinel],
  ["a user's client", linkedClient],
]

async function linkedServer(): Promise<Linked> {
  const server = await startRedis()
  const link = await startSlowLink([server.port])
  return { redis: `redis://127.0.0.1:${link.ports[0]}`, link, close: () => closed(link, server) }
}

async function linkedSocket(): Promise<Linked> {
  const server = await startRedis()
  const link = await startSlowLink([])
  const folder = await mkdtemp(join(tmpdir(), 'keyedcache-link-'))
  await link.socket(server.port, join(folder, 'redis.sock'))
  const removed = { close: () => rm(folder, { recursive: true, force: true }) }
  return { redis: `unix:${join(folder, 'redis.sock')}`, link, close: () => closed(link, server, removed) }
}

/** Sentinel tells of the master itself, so the client knows where it is behind the network. */
async function linkedSentinel(): Promise<Linked> {
  const master = await startRedis()
  const sentinel = await startRedis({
    args: ['--sentinel'],
    config: `sentinel monitor mymaster 127.0.0.1 ${master.port} 1\n`,
  })
  const link = await startSlowLink([master.port])
  const redis = {
    sentinels: [{ host: '127.0.0.1', port: sentinel.port }],
    name: 'mymaster',
    natMap: { [`127.0.0.1:${master.port}`]: { host: '127.0.0.1', port: Number(link.ports[0]) } },
  }
  return { redis, link, close: () => closed(link, sentinel, master) }
}

async function linkedClient(): Promise<Linked> {
  const server = await startRedis()
  const link = await startSlowLink([server.port])
  const redis = new Redis(Number(link.ports[0]))
  const ended = { close: async () => redis.disconnect() }
  return { redis, link, close: () => closed(ended, link, server) }
}

async function linkedTls(): Promise<Linked> {
  const port = 25_000 + Math.floor(Math.random() * 3000)
  const files = ['--tls-cert-file', file('server.crt'), '--tls-key-file', file('server.key')]
  const server = await startRedis({ args: ['--tls-port', `${port}`, ...files, '--tls-auth-clients', 'no'] })
  const link = await startSlowLink([port])
  const redis = { host: 'localhost', port: Number(link.ports[0]), tls: { ca: readFileSync(file('ca.crt')) } }
  return { redis, link, close: () => closed(link, server) }
}

/** Its masters tell everybody the ports of the network. */
async function linkedCluster(): Promise<Linked> {
  const cluster = await startCluster()
  const link = await startSlowLink(cluster.masters.map(({ port }) => port))
  await Promise.all(
    cluster.masters.map((master, i) => master.client().config('SET', 'cluster-announce-port', String(link.ports[i]))),
  )
  await until(() => knowLinks(cluster, link), 'all nodes tell of the network', 20_000)
  const redis = link.ports.map((port) => `redis://127.0.0.1:${port}`)
  return { redis, link, close: () => closed(link, cluster) }
}

async function knowLinks({ nodes }: RedisCluster, { ports }: SlowLink): Promise<boolean> {
  const all = await Promise.all(nodes.map((node) => node.client().cluster('SLOTS')))
  return all.every((ranges) => ranges.every(([, , master]) => ports.includes(Number((master as unknown[])[1]))))
}

async function closed(...all: readonly { close(): Promise<void> }[]): Promise<void> {
  await Promise.all(all.map((each) => each.close()))
}
