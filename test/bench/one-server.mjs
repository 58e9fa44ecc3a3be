import { startRedis } from './redis-server.mjs'

/**
 * A backend for the benchmark: one `redis-server` of its own.
 * `redis` is what a cache is given, `client` reaches every name, `masters` are where the names are, `tags` what the cache puts after
 * its prefix on each shard.
 */
export async function startOneServer() {
  const { url, client, close } = await startRedis()
  return { label: 'one server', redis: url, client, masters: [client], tags: [''], close }
}
