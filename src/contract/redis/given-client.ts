import type { RedisClient } from '../redis-address.js'

/** What tells a client of ioredis from options and from clients of other libraries. */
const SIGNS = {
  status: 'string',
  isCluster: 'boolean',
  options: 'object',
  sendCommand: 'function',
  duplicate: 'function',
}

/** Whether this is an ioredis client, of any copy of ioredis. */
export function isRedisClient(redis: unknown): redis is RedisClient {
  if (typeof redis !== 'object' || redis === null) return false
  return Object.entries(SIGNS).every(([name, type]) => typeof (redis as Record<string, unknown>)[name] === type)
}

/** @throws {TypeError} when the client takes no commands of a cache now. */
export function checkMode(client: RedisClient): void {
  const { mode = 'normal' } = client as { mode?: string }
  if (mode === 'normal') return
  throw new TypeError(
    `Expected the client \`redis\` to take all commands, got one in the mode ${mode}: give one that does nothing else, such as its \`duplicate()\``,
  )
}
