import { setTimeout as delay } from 'node:timers/promises'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { row } from '../../support/fault-row.js'
import { report } from '../../support/figures.js'
import { freshPrefix } from '../../support/both-stores.js'
import { type Answer, type Burst, Processes } from '../../support/processes.js'
import { startProxy } from '../../support/proxy.js'
import { type RedisCluster, startCluster } from '../../support/redis-cluster.js'
import { type RedisServer, startRedis } from '../../support/redis-server.js'
import { until } from '../../support/until.js'
import { startWorker, type Worker } from '../../support/worker.js'
import { sized } from '../../support/size.js'

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

const WRITES = ['delete', 'delete with children', 'deleteTag', 'set', 'clear'] as const
const PLACES = ['same process', 'other process'] as const
const TIMES = ['before', 'during', 'at the end'] as const
const KINDS = WRITES.flatMap((write) => PLACES.flatMap((place) => TIMES.map((time) => ({ write, place, time }))))
const EACH = { 'one server': sized(100), 'a Cluster': sized(40) }
const LANES = 8

interface Read {
  readonly value: number | undefined
  readonly beganMs: number
}

interface Written {
  readonly version: number
  readonly resolvedMs: number
}

type Kind = (typeof KINDS)[number]
/** What of an interleaving is left to chance. */
interface Chance {
  readonly holder: number
  /** Which of the other two processes writes. */
  readonly other: number
  readonly isStored: boolean
  readonly refresh: boolean
  readonly writePauseMs: number
  readonly callPauseMs: number
  readonly finishPauseMs: number
  readonly reads: readonly (readonly [process: number, how: string, pauseMs: number])[]
  readonly order: number
}

const pauseMs = fc.integer({ min: 0, max: 3 })
const chance: fc.Arbitrary<Chance> = fc.record({
  holder: fc.integer({ min: 0, max: 2 }),
  other: fc.integer({ min: 1, max: 2 }),
  isStored: fc.boolean(),
  refresh: fc.boolean(),
  writePauseMs: pauseMs,
  callPauseMs: pauseMs,
  finishPauseMs: pauseMs,
  reads: fc.array(
    fc.tuple(fc.integer({ min: 0, max: 2 }), fc.constantFrom('get', 'getOrSet'), fc.integer({ min: 0, max: 6 })),
    {
      maxLength: 4,
    },
  ),
  order: fc.integer(),
})

let server: RedisServer
let cluster: RedisCluster
beforeAll(async () => {
  ;[server, cluster] = await Promise.all([startRedis(), startCluster()])
}, 60_000)
afterAll(() => Promise.all([server.close(), cluster.close()]))

test.each(['one server', 'a Cluster'] as const)(
  `On %s no read that begins after a write or a delete resolved gets what it replaced (SEED=${seed})`,
  async (where) => {
    const workers = await Promise.all(
      [0, 1, 2].map(() => startWorker(new URL('../../workers/interleaving.mjs', import.meta.url))),
    )
    try {
      const prefixes = Array.from({ length: LANES }, freshPrefix)
      const redis = where === 'a Cluster' ? cluster.urls : server.url
      await Promise.all(workers.map((worker) => worker.call('open', { redis, truthUrl: server.url, prefixes })))
      const plans = fc
        .sample(chance, { seed, numRuns: KINDS.length * EACH[where] })
        .map((each, i) => ({ number: i, kind: KINDS[i % KINDS.length] as Kind, chance: each }))
        .toSorted((a, b) => a.chance.order - b.chance.order)
      const counts = { judged: 0, stale: [] as string[] }
      await Promise.all(
        prefixes.map(async (_, lane) => {
          for (const { number, kind, chance: each } of plans.filter((_plan, i) => i % LANES === lane)) {
            // One after the other in each lane, since some clear it
            const { written, reads } = await interleave(workers, lane, `fence::${number}::leaf`, kind, each)
            const late = reads.filter(({ beganMs }) => beganMs > written.resolvedMs)
            counts.judged += late.length
            for (const { value } of late.filter((read) => read.value !== undefined && read.value < written.version)) {
              counts.stale.push(
                `${number}: ${kind.write}, ${kind.place}, ${kind.time}: ${value} instead of ${written.version}`,
              )
            }
          }
        }),
      )
      const refused = (await Promise.all(workers.map((worker) => worker.call<number>('refusedHere')))).reduce(
        (a, b) => a + b,
      )
      report(`${where}, SEED=${seed}: ${tally(plans.map(({ kind }) => kind))}`)
      row(
        25,
        `${plans.length} deletes and writes while a value is computed, on ${where}`,
        `${counts.stale.length} of ${counts.judged} later reads had the old value; ${refused} results came too late and were not stored`,
      )
      expect(counts.stale).toEqual([])
      expect(counts.judged).toBeGreaterThan(6 * plans.length - 1)
      // What is written while the factory runs voids it every time
      expect(refused).toBeGreaterThanOrEqual(plans.length / TIMES.length)
      await Promise.all(workers.map((worker) => worker.call('close')))
      expect(await Promise.all(workers.map((worker) => worker.end(2000)))).toEqual([0, 0, 0])
      expect(workers.map((worker) => worker.complaints).join('')).toBe('')
    } finally {
      await Promise.all(workers.map((worker) => worker.close()))
    }
  },
  120_000,
)

async function interleave(
  workers: readonly Worker[],
  lane: number,
  key: string,
  { write, place, time }: Kind,
  chosen: Chance,
) {
  const { isStored, writePauseMs, callPauseMs, finishPauseMs } = chosen
  const holder = workers[chosen.holder] as Worker
  const writer = place === 'same process' ? holder : (workers[(chosen.holder + chosen.other) % 3] as Worker)
  await holder.call('write', lane, key, 'delete', 0)
  if (isStored) await holder.call('store', lane, key)
  // Only before the factory begins may a stored value make it needless
  const begin = (afterMs: number) =>
    holder.call('begin', lane, key, { refresh: isStored && (chosen.refresh || time !== 'before') }, afterMs)
  const finish = () => holder.call<Read>('finish', key, finishPauseMs)
  const writing = () => writer.call<Written>('write', lane, key, write, writePauseMs)
  const readings = () =>
    chosen.reads.map(([where, how, afterMs]) => (workers[where] as Worker).call<Read>('read', lane, key, how, afterMs))

  let written: Written
  let outcomes: Read[]
  if (time === 'before') {
    const others = readings()
    ;[written, outcomes] = await Promise.all([writing(), Promise.all([begin(callPauseMs).then(finish), ...others])])
  } else {
    await begin(0)
    await holder.call('begun', key)
    const others = readings()
    if (time === 'during') {
      written = await writing()
      outcomes = await Promise.all([finish(), ...others])
    } else {
      ;[written, outcomes] = await Promise.all([writing(), Promise.all([finish(), ...others])])
    }
  }
  const after = await Promise.all(
    workers.flatMap((worker) => ['get', 'getOrSet'].map((how) => worker.call<Read>('read', lane, key, how, 0))),
  )
  return { written, reads: [...outcomes, ...after] }
}

function tally(kinds: readonly Kind[]): string {
  const count = (names: readonly string[], of: (kind: Kind) => string): string =>
    names.map((name) => `${name} ${kinds.filter((kind) => of(kind) === name).length}`).join(', ')
  return [
    count(WRITES, ({ write }) => write),
    count(PLACES, ({ place }) => place),
    count(TIMES, ({ time }) => time),
  ].join('; ')
}

test('A call that begins after a delete of another process gets nothing from what was under way before', async () => {
  const proxy = await startProxy(server.port, 200)
  const processes = await Processes.start(server, 2, {}, [{ options: { redis: proxy.url } }, {}])
  try {
    const [far, near] = processes.workers as [Worker, Worker]
    const underWay = async (round: number): Promise<string[]> => {
      const keys = (kind: string): string[] => Array.from({ length: 5 }, (_, i) => `joining::${kind}::${round}::${i}`)
      const kinds = await Promise.all([
        readUnderWay(far, near, keys('read')),
        lookUnderWay(far, near, keys('look')),
        fillUnderWay(far, near, keys('fill')),
        manyUnderWay(far, near, keys('many')),
      ])
      return kinds.flat()
    }
    const stale = (await Promise.all(Array.from({ length: 10 }, (_, round) => underWay(round)))).flat()
    report(`joining across 200 ms: ${stale.length} of 200 calls got the old value`)
    expect(stale).toEqual([])
    await processes.end()
  } finally {
    await Promise.all(processes.workers.map((worker) => worker.close()))
    await proxy.close()
  }
}, 60_000)

/** Redis has answered a read with the old value; the answer has not arrived. */
async function readUnderWay(far: Worker, near: Worker, keys: string[]): Promise<string[]> {
  await Promise.all(keys.map((key) => near.call('set', key, 1)))
  return overtaken(keys, far.call<Answer[]>('burst', reading(keys)), far, near, 30)
}

/** The same with a read of many keys, followed by reads of single ones. */
async function manyUnderWay(far: Worker, near: Worker, keys: string[]): Promise<string[]> {
  await Promise.all(keys.map((key) => near.call('set', key, 1)))
  return overtaken(keys, far.call<Answer>('many', reading(keys)), far, near, 30)
}

/** A follower looks again, and has been answered with the old value; the answer has not arrived. */
async function lookUnderWay(far: Worker, near: Worker, keys: string[]): Promise<string[]> {
  await truth(1, keys)
  const gate = keys[0] as string
  const leading = near.call<Answer[]>('burst', { keys, factory: { gate, ends: 'note', note: gate } } satisfies Burst)
  await until(async () => (await server.client().llen(`runs ${keys.at(-1)}`)) > 0, 'the factories run')
  const following = far.call<Answer[]>('burst', reading(keys))
  // Its read and its attempt to lead take 200 ms each
  await delay(500)
  await near.call('openGate', gate)
  await leading
  return overtaken(keys, following, far, near, 250)
}

/** Redis has stored what was computed here, and another process deletes it; that it was stored is not known here yet. */
async function fillUnderWay(far: Worker, near: Worker, keys: string[]): Promise<string[]> {
  await truth(1, keys)
  const computing = far.call<Answer[]>('burst', reading(keys))
  await until(
    async () => (await Promise.all(keys.map((key) => near.call('get', key)))).every((value) => value === 1),
    'all are stored',
  )
  return overtaken(keys, computing, far, near, 0)
}

/** Makes 2 true and deletes the copies of 1, then asks again; gives what was answered with 1 all the same. */
async function overtaken(
  keys: string[],
  underWay: Promise<unknown>,
  far: Worker,
  near: Worker,
  afterMs: number,
): Promise<string[]> {
  await delay(afterMs)
  await truth(2, keys)
  await Promise.all(keys.map((key) => near.call('remove', key)))
  const answers = await far.call<Answer[]>('burst', reading(keys))
  await underWay
  return answers
    .filter(({ value }) => value !== 2)
    .map(({ key, value, error }) => `${key}: ${String(value)} ${error?.message ?? ''}`)
}

/** A call whose factory gives what is true of the first key. */
function reading(keys: readonly string[]): Burst {
  return { keys, factory: { ends: 'note', note: keys[0] as string } }
}

async function truth(value: number, [note]: readonly string[]): Promise<void> {
  await server.client().set(note as string, value)
}
