import { isDeepStrictEqual } from 'node:util'
import { show } from '../../checks/show.js'
import type { RedisClientOptions } from '../redis-address.js'
import { fromUrl } from './redis-url.js'

const URLS = '`redis` to list URLs like redis://host:6379 of the nodes of one Cluster'

/** A Cluster, as the URLs of its nodes say. */
export interface ClusterPlace {
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  /** What holds for all nodes, also for those that are found later: user, password, TLS and more. The first URL says it. */
  readonly shared: RedisClientOptions
}

/** @throws {TypeError} when these are no URLs, or not of one Cluster. */
export function fromClusterUrls(urls: readonly unknown[]): ClusterPlace {
  if (urls.length === 0) throw new TypeError(`Expected ${URLS}, got []`)
  const all = urls.map((url) => {
    if (typeof url !== 'string') throw new TypeError(`Expected ${URLS}, got ${show(urls)}: write each as a URL`)
    return fromUrl(url, URLS)
  })
  const nodes = all.map(({ host, port, path, db = 0 }) => {
    if (host === undefined || port === undefined || path !== undefined) {
      throw new TypeError(`Expected ${URLS}, got one of unix: among them: a Cluster is reached by hosts and ports`)
    }
    if (db !== 0) throw new TypeError(`Expected ${URLS}, got the database ${db}: a Cluster has database 0 alone`)
    return { host, port }
  })
  const [shared, ...others] = all.map(ofAllNodes)
  for (const other of others) {
    const name = differing(shared as RedisClientOptions, other)
    if (name === undefined) continue
    throw new TypeError(
      name === 'tls'
        ? `Expected ${URLS}, got redis:// and rediss:// together: write one of them in all URLs`
        : `Expected ${URLS}, got different ones of \`${name}\`: what the first URL says holds for all nodes`,
    )
  }
  return { nodes, shared: shared as RedisClientOptions }
}

function ofAllNodes({ host: _host, port: _port, db: _db, ...shared }: RedisClientOptions): RedisClientOptions {
  return shared
}

/** In what another URL says something that the first does not. It may leave out what the first says, but not its TLS. */
function differing(first: RedisClientOptions, other: RedisClientOptions): string | undefined {
  if ('tls' in first !== 'tls' in other) return 'tls'
  return Object.entries(other).find(
    ([name, value]) => !isDeepStrictEqual(value, (first as Record<string, unknown>)[name]),
  )?.[0]
}
