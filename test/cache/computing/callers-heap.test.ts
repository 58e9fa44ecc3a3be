import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshPrefix } from '../../support/both-stores.js'
import { report } from '../../support/figures.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { isFull, sized } from '../../support/size.js'
import { startWorker, type Worker } from '../../support/worker.js'

const CALLERS = sized(30_000)
/** What is made once counts for more where callers are few. */
const MOST_BYTES = isFull ? 100 : 200

describe.each(['the embedded store', 'Redis'])('Callers of a long computation, on %s', (where) => {
  let server: RedisServer | undefined
  let worker: Worker
  beforeAll(async () => {
    server = where === 'Redis' ? await startRedis() : undefined
    worker = await startWorker(new URL('../../workers/callers-heap.mjs', import.meta.url))
    await worker.call('open', server === undefined ? {} : { redis: server.url, keyPrefix: freshPrefix() })
  })
  afterAll(async () => {
    await worker.call('close')
    await worker.close()
    await server?.close()
  })

  test.each(['timeout', 'soft', 'signal'])(
    'are forgotten at once when they leave by: %s',
    { timeout: 120_000 },
    async (how) => {
      // What is made once is there before it is measured.
      await worker.call('leave', how, 2000)
      const { before, after } = await worker.call<{ before: number; after: number }>('leave', how, CALLERS)
      const each = (after - before) / CALLERS
      report(`${CALLERS} callers left by ${how}, on ${where}: ${each.toFixed(0)} bytes of heap kept for each`)
      expect(each).toBeLessThan(MOST_BYTES)
    },
  )
})
