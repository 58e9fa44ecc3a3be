import { Redis } from 'ioredis'
import { createNotificationPair, Loader, RedisCache } from 'layered-loader'

const TTL_MS = 300_000

/** https://github.com/kibertoad/layered-loader#basic-example: the Redis cache alone, and behind its memory with update notifications. */
export const layeredLoader = {
  name: 'layered-loader',
  docs: 'https://github.com/kibertoad/layered-loader#basic-example',

  async throughRedis({ redis }) {
    const clients = [new Redis(redis)]
    return calls({ asyncCache: inRedis(clients[0]) }, clients)
  },

  async withMemory({ redis }) {
    const clients = [new Redis(redis), new Redis(redis), new Redis(redis)]
    const { publisher, consumer } = createNotificationPair({
      channel: 'layered-loader',
      publisherRedis: clients[1],
      consumerRedis: clients[2],
    })
    return calls(
      {
        inMemoryCache: { cacheType: 'lru-map', ttlInMsecs: TTL_MS, maxItems: 1000 },
        asyncCache: inRedis(clients[0]),
        notificationPublisher: publisher,
        notificationConsumer: consumer,
      },
      clients,
    )
  },
}

function inRedis(client) {
  return new RedisCache(client, { json: true, ttlInMsecs: TTL_MS, prefix: 'layered-loader' })
}

/** What computes is given beforehand; here that calls the factory given last. */
async function calls(options, clients) {
  let compute = () => undefined
  const loader = new Loader({
    ...options,
    dataSourceGetOneFn: () => compute(),
    cacheKeyFromValueResolver: ({ id }) => `product:${id}`,
  })
  await loader.init()
  return {
    get: (id) => loader.get(`product:${id}`),
    set: (id, value) => loader.forceSetValue(`product:${id}`, value),
    getMany: (ids) => loader.getMany(ids.map((id) => `product:${id}`)),
    getOrSet(id, factory) {
      compute = factory
      return loader.get(`product:${id}`)
    },
    close: () => clients.forEach((client) => client.disconnect()),
  }
}
