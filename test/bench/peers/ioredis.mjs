const TTL_MS = 300_000

/** What all are measured against: the project's own ioredis, with no cache around it, and JSON. https://github.com/redis/ioredis#basic-usage */
export const ioredis = {
  name: 'ioredis',
  docs: 'https://github.com/redis/ioredis#basic-usage',
  throughRedis: ({ client }) => opened(client.duplicate(), 'ioredis'),
}

/** The same, which sends the commands of one turn together. https://github.com/redis/ioredis#autopipelining */
export const autoPipelining = {
  name: 'ioredis, auto-pipelining',
  docs: 'https://github.com/redis/ioredis#autopipelining',
  throughRedis: ({ client }) => opened(client.duplicate({ enableAutoPipelining: true }), 'pipelining'),
}

async function opened(redis, prefix) {
  redis.on('error', () => {})
  await redis.ping()
  const nameOf = (id) => `${prefix}:product:${id}`
  const set = (id, value) => redis.set(nameOf(id), JSON.stringify(value), 'PX', TTL_MS)
  return {
    get: async (id) => JSON.parse(await redis.get(nameOf(id))),
    set,
    getMany: async (ids) => (await redis.mget(ids.map(nameOf))).map((text) => JSON.parse(text)),
    async getOrSet(id, factory) {
      const text = await redis.get(nameOf(id))
      if (text !== null) return JSON.parse(text)
      const value = await factory()
      await set(id, value)
      return value
    },
    close: () => redis.disconnect(),
  }
}
