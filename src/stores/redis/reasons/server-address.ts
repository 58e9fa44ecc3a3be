import type { Cluster, Redis } from 'ioredis'
import { masked } from '../../../checks/masked.js'

const DEFAULT_PORT = 6379
const MOST_NODES = 8

interface Place {
  readonly host?: string | null | undefined
  readonly port?: number | string | null | undefined
}

/**
 * Where a client's server is, without credentials: `host:port/db`, the path of a socket, the nodes of a Cluster as they were given, or the
 * master's name and its Sentinels.
 */
export function serverAddress(client: Redis | Cluster): string {
  return masked(client.isCluster ? ofCluster(client as Cluster) : ofServer(client as Redis))
}

function ofServer({ options }: Redis): string {
  const { path, sentinels, name, host, port, db } = options
  if (sentinels) return `${name ?? 'no name'} (Sentinels ${listed(sentinels.map((each) => hostAndPort(each, 26_379)))})`
  return path ?? `${hostAndPort({ host, port })}/${db ?? 0}`
}

function ofCluster(cluster: Cluster): string {
  const { startupNodes = [] } = cluster as unknown as { startupNodes?: readonly (string | number | Place)[] }
  return listed(startupNodes.map((node) => (typeof node === 'object' ? hostAndPort(node) : ofUrl(String(node)))))
}

function ofUrl(node: string): string {
  if (/^\d+$/.test(node)) return hostAndPort({ port: node })
  const { hostname, port } = new URL(node.includes('://') ? node : `redis://${node}`)
  return hostAndPort({ host: hostname, port })
}

function hostAndPort({ host, port }: Place, usualPort = DEFAULT_PORT): string {
  const name = host || 'localhost'
  const isBare6 = name.includes(':') && !name.startsWith('[')
  return `${isBare6 ? `[${name}]` : name}:${port || usualPort}`
}

function listed(all: readonly string[]): string {
  return all.length > MOST_NODES ? `${all.slice(0, MOST_NODES).join(', ')}, …` : all.join(', ')
}
