import type { RedisServer } from './redis-server.js'

/** The connections of a server that caches have made, by name and number. */
export async function cacheConnections(of: RedisServer): Promise<string[]> {
  const list = String(await of.client().client('LIST'))
  const ids = [...list.matchAll(/^id=(\d+) .* name=(keyedcache\S*) /gm)]
  return ids.map(([, id, name]) => `${name} ${id}`).toSorted()
}
