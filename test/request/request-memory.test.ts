import { afterAll, beforeAll, expect, test } from 'vitest'
import { pipelined } from '../support/pipelined.js'
import { startWorker, type Worker } from '../support/worker.js'
import { sized } from '../support/size.js'

const MEBIBYTE = 2 ** 20
const REQUESTS = sized(100_000)
const WARM_UP = 5000
const AT_ONCE = 5000

let worker: Worker

beforeAll(async () => {
  worker = await startWorker(new URL('../workers/heap.mjs', import.meta.url))
})

afterAll(async () => worker.close())

test(`after ${REQUESTS} requests the heap has not grown by more than 5 MB`, async () => {
  const url = `http://127.0.0.1:${await worker.call<number>('open')}`
  let sent = 0
  const send = async (count: number): Promise<void> => {
    const paths = Array.from({ length: count }, () => `/${sent++}`)
    const bodies = await pipelined(url, paths, 10)
    expect(bodies.filter((body) => body !== 'true')).toEqual([])
  }

  await send(WARM_UP)
  const before = await worker.call<number>('heapUsed')
  for (let done = 0; done < REQUESTS; done += AT_ONCE) await send(AT_ONCE)
  const after = await worker.call<number>('heapUsed')
  expect((after - before) / MEBIBYTE).toBeLessThan(5)
}, 180_000)
