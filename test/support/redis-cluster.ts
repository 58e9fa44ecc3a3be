import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Cluster, type Redis } from 'ioredis'
import { endWithTests } from './end-with-tests.js'
import { findRedisCli } from './programs.js'
import { type RedisServer, startRedis } from './redis-server.js'
import { until } from './until.js'

const MASTERS = 3
const REPLICAS_OF_EACH = 1
const SLOTS = 16_384
const CLUSTER_ARGS = {
  'cluster-enabled': 'yes',
  'cluster-config-file': 'nodes.conf',
  'cluster-node-timeout': '1000',
  // Else a master waits 5 s for more replicas before it sends its data to the first one.
  'repl-diskless-sync-delay': '0',
  // A replica to which nothing was sent yet is not told of to clients; by default that takes 10 s.
  'repl-ping-replica-period': '1',
}
/** Clients that speak TLS are told the TLS ports only if the nodes speak it among each other. */
const TLS_ARGS = {
  'tls-cluster': 'yes',
  'tls-replication': 'yes',
  'cluster-announce-hostname': 'localhost',
  'cluster-preferred-endpoint-type': 'hostname',
}
const SETTLE_MS = 20_000
const NAMES_PER_STEP = 10

/** A row of CLUSTER SLOTS: the master of a range of slots, and its replicas. */
type SlotRange = [first: number, last: number, ...nodes: [host: string, port: number, id: string, more: unknown[]][]]

/** A real Redis Cluster of the test's own, empty at the start. */
export class RedisCluster {
  readonly nodes: readonly RedisServer[]
  /** The masters as it was started; which ones they are after a failover, `mastersNow` says. */
  readonly masters: readonly RedisServer[]
  #client: Cluster | undefined

  constructor(nodes: readonly RedisServer[], masters: readonly RedisServer[]) {
    this.nodes = nodes
    this.masters = masters
  }

  /** Of all nodes. */
  get urls(): string[] {
    return this.nodes.map(({ url }) => url)
  }

  /** Where the nodes speak TLS, by the name in their certificates. */
  get tlsUrls(): string[] {
    return this.nodes.map(({ tlsPort }) => `rediss://localhost:${tlsPort}`)
  }

  /** A client for the test to look around with; always the same one, closed with the Cluster. */
  client(): Cluster {
    this.#client ??= new Cluster(this.urls, {
      clusterRetryStrategy: () => 20,
      retryDelayOnFailover: 20,
      retryDelayOnClusterDown: 20,
      maxRedirections: 500,
    }).on('error', () => {})
    return this.#client
  }

  /** The masters, as every node that runs sees itself, each with slots of its own. Waits for a failover that is under way. */
  async mastersNow(): Promise<RedisServer[]> {
    const masters = await until(async () => {
      const owned = await Promise.all(this.#running().map(async (node) => [node, await ownSlots(node)] as const))
      const slots = owned.reduce((sum, [, own]) => sum + own, 0)
      return slots === SLOTS && owned.flatMap(([node, own]) => (own > 0 ? [node] : []))
    }, 'the masters that run have all slots')
    return masters as RedisServer[]
  }

  /** A connection to each of the masters that there are now. */
  async clients(): Promise<Redis[]> {
    return (await this.mastersNow()).map((master) => master.client())
  }

  /** The master that serves a name now. Waits for a failover that is under way. */
  async masterOf(name: string): Promise<RedisServer> {
    const owner = await until(
      async () => {
        const owners = await Promise.all(
          this.#running().map(async (node) => {
            const [slot, ranges] = await Promise.all([node.client().cluster('KEYSLOT', name), ownRanges(node)])
            return ranges.some(([first, last]) => first <= slot && slot <= last) ? [node] : []
          }),
        )
        return owners.flat()[0]
      },
      `a master serves ${JSON.stringify(name)}`,
    )
    return owner as RedisServer
  }

  /** The names of all commands that the nodes that run were sent since the Cluster was ready, sorted. Those of its own work are among them. */
  async commandsUsed(): Promise<string[]> {
    const stats = await Promise.all(this.#running().map((node) => node.client().info('commandstats')))
    const names = stats.flatMap((text) => [...text.matchAll(/^cmdstat_(\S+?):/gm)].map(([, name = '']) => name))
    return [...new Set(names)].toSorted()
  }

  /** Moves the slot of a name to another master, some keys at a time as redis-cli does. Calls `between` after each step. */
  async migrate(name: string, target: RedisServer, between: () => Promise<unknown>): Promise<void> {
    const source = await this.masterOf(name)
    const [from, to] = [source.client(), target.client()]
    const [slot, fromId, toId] = await Promise.all([
      from.cluster('KEYSLOT', name),
      from.cluster('MYID'),
      to.cluster('MYID'),
    ])
    await to.cluster('SETSLOT', slot, 'IMPORTING', fromId)
    await from.cluster('SETSLOT', slot, 'MIGRATING', toId)
    /* eslint-disable no-await-in-loop -- step by step */
    for (;;) {
      const names = await from.cluster('GETKEYSINSLOT', slot, NAMES_PER_STEP)
      if (names.length === 0) break
      await from.migrate('127.0.0.1', target.port, '', 0, 5000, 'KEYS', ...names)
      await between()
    }
    for (const master of [target, source]) await master.client().cluster('SETSLOT', slot, 'NODE', toId)
    /* eslint-enable no-await-in-loop */
  }

  /** Ends a node as a crash would. */
  async kill(node: RedisServer): Promise<void> {
    await node.kill()
  }

  /** Ends all nodes and removes what belonged to them. */
  async close(): Promise<void> {
    this.#client?.disconnect()
    await Promise.all(this.nodes.map((node) => node.close()))
  }

  #running(): RedisServer[] {
    return this.nodes.filter(({ running }) => running)
  }
}

/**
 * Starts a Cluster of 3 masters with a replica each, which takes some seconds: all slots are served and all replicas are in sync when
 * the promise resolves. With `tls` clients may speak that too; the nodes are then told of by the name `localhost`.
 */
export async function startCluster(
  options: { readonly args?: readonly string[]; readonly tls?: boolean } = {},
): Promise<RedisCluster> {
  const { args = [], tls = false } = options
  const count = MASTERS * (1 + REPLICAS_OF_EACH)
  const own = Object.entries(tls ? { ...CLUSTER_ARGS, ...TLS_ARGS } : CLUSTER_ARGS)
  const all = [...own.flatMap(([name, value]) => [`--${name}`, value]), ...args]
  const started = await Promise.allSettled(Array.from({ length: count }, () => startRedis({ args: all, tls })))
  const nodes = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  try {
    for (const each of started) if (each.status === 'rejected') throw each.reason
    await join(nodes)
    await settled(nodes)
    const slots = await Promise.all(nodes.map(ownSlots))
    await Promise.all(nodes.map((node) => node.client().config('RESETSTAT')))
    return new RedisCluster(
      nodes,
      nodes.filter((_, i) => slots[i] !== 0),
    )
  } catch (error) {
    await Promise.all(nodes.map((node) => node.close()))
    throw error
  }
}

async function join(nodes: readonly RedisServer[]): Promise<void> {
  const program = findRedisCli()
  if (!program) throw new Error('No redis-cli was found on the path: it comes with redis-server, install it')
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`)
  const create = ['--cluster', 'create', ...addresses, '--cluster-replicas', `${REPLICAS_OF_EACH}`, '--cluster-yes']
  const running = promisify(execFile)(program, create, { timeout: SETTLE_MS })
  endWithTests(running.child)
  try {
    await running
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`redis-cli --cluster create failed:\n${stdout}${stderr}`, { cause: error })
  }
}

async function settled(nodes: readonly RedisServer[]): Promise<void> {
  let wrong: string[] = []
  try {
    await until(
      async () => {
        const all = await Promise.all(
          nodes.map(async (node) => (await unsettled(node)).map((what) => `${node.port}: ${what}`)),
        )
        wrong = all.flat()
        return wrong.length === 0
      },
      'the Cluster is ready',
      SETTLE_MS,
    )
  } catch (error) {
    throw new Error(`The Cluster did not get ready:\n${wrong.join('\n')}`, { cause: error })
  }
}

/** What a node still waits for. */
async function unsettled(node: RedisServer): Promise<string[]> {
  const client = node.client()
  const [cluster, replication, ranges] = await Promise.all([
    client.cluster('INFO'),
    client.info('replication'),
    slotRanges(node),
  ])
  const covered = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  const inSync = /role:master/.test(replication)
    ? replication.match(/state=online/g)?.length === REPLICAS_OF_EACH
    : /master_link_status:up/.test(replication)
  return [
    ...(/cluster_state:ok/.test(cluster) ? [] : [cluster]),
    ...(covered === SLOTS ? [] : [`knows the masters of ${covered} slots`]),
    ...(ranges.every((range) => range.length === 3 + REPLICAS_OF_EACH) ? [] : ['does not know all replicas']),
    ...(inSync ? [] : [replication]),
  ]
}

async function slotRanges(node: RedisServer): Promise<SlotRange[]> {
  return node.client().cluster('SLOTS')
}

/** The ranges of slots of which a node says itself that it is their master. */
async function ownRanges(node: RedisServer): Promise<SlotRange[]> {
  return (await slotRanges(node)).filter(([, , master]) => master?.[1] === node.port)
}

async function ownSlots(node: RedisServer): Promise<number> {
  return (await ownRanges(node)).reduce((sum, [first, last]) => sum + last - first + 1, 0)
}
