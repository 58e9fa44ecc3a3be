import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis'

/** https://bentocache.dev/docs/multi-tier: L2 alone, and L1, L2 and the bus as its setup has them. */
export const bentocache = {
  name: 'bentocache',
  docs: 'https://bentocache.dev/docs/multi-tier',

  async throughRedis({ redis }) {
    return calls(bentostore().useL2Layer(redisDriver({ connection: connection(redis) })), 'l2')
  },

  async withMemory({ redis }) {
    return calls(
      bentostore()
        .useL1Layer(memoryDriver({ maxSize: '10mb' }))
        .useL2Layer(redisDriver({ connection: connection(redis) }))
        .useBus(redisBusDriver({ connection: connection(redis) })),
      'l1-l2-bus',
    )
  },
}

function connection(url) {
  const { hostname, port } = new URL(url)
  return { host: hostname, port: Number(port) }
}

function calls(store, prefix) {
  const bento = new BentoCache({ default: 'cache', prefix, ttl: '5m', stores: { cache: store } })
  return {
    get: (id) => bento.get({ key: `product:${id}` }),
    set: (id, value) => bento.set({ key: `product:${id}`, value }),
    getOrSet: (id, factory) => bento.getOrSet({ key: `product:${id}`, factory }),
    close: () => bento.disconnectAll(),
  }
}
