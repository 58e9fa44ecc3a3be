import { createKeyedCache } from '../../dist/index.js'
import { startOneServer } from './one-server.mjs'

const MEMORY = '100mb'
const WRITES = 1_200_000
const CALLERS = 64
const VALUE = 'x'.repeat(300)
/** The sweep needs one round to see that the memory is full. */
const SETTLED_AFTER_MS = 1000
const NAMES_FOR_A_LIVE_KEY = 1.5

for (const policy of ['volatile-lru', 'allkeys-lru']) {
  // eslint-disable-next-line no-await-in-loop -- one after the other, so that neither disturbs the other
  const { failed, worst, seconds } = await fill(policy)
  process.stdout.write(
    `${policy}, ${MEMORY}, ${WRITES} writes of ${VALUE.length} bytes in ${seconds.toFixed(0)} s: ` +
      `${failed} failed, at most ${worst.toFixed(2)} names in the index for each live key\n`,
  )
  if (failed > 0 || worst > NAMES_FOR_A_LIVE_KEY) process.exitCode = 1
}

/** Writes more than the memory holds, and watches how the index keeps up with what is evicted. */
async function fill(policy) {
  const server = await startOneServer()
  const { client } = server
  await client.config('SET', 'maxmemory', MEMORY)
  await client.config('SET', 'maxmemory-policy', policy)
  const cache = createKeyedCache({ redis: server.redis, keyPrefix: 'full', ttl: '1h' })
  await cache.require()
  let worst = 0
  const look = async () => {
    const [, live] = /keys=(\d+)/.exec(await client.info('keyspace')) ?? []
    if (live !== undefined) worst = Math.max(worst, (await client.zcard('full:index:')) / Number(live))
  }
  const watch = setInterval(() => void look(), 500)
  const beganMs = performance.now()
  let failed = 0
  for (let i = 0; i < WRITES; i += CALLERS) {
    const settled = performance.now() - beganMs > SETTLED_AFTER_MS
    // eslint-disable-next-line no-await-in-loop -- as many callers as there are, again and again
    const stored = await Promise.all(Array.from({ length: CALLERS }, (_, j) => cache.set(['k', i + j], VALUE)))
    if (settled) failed += stored.filter((each) => !each).length
  }
  clearInterval(watch)
  await cache.close()
  await server.close()
  return { failed, worst, seconds: (performance.now() - beganMs) / 1000 }
}
