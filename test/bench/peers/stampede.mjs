import { fork } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { childAnswer } from './child-answer.mjs'
import { keyedcache } from './keyedcache.mjs'
import { peers } from './libraries.mjs'

const PROCESSES = 8
const CALLS = 25
const FACTORY_MS = 400
/** Of a key that no library has. */
const COLD_ID = 1000
/** So that all processes have their message when they begin. */
const BEGIN_AFTER_MS = 100

/** What all processes do, as the table says it. */
export const stampedeText = `${PROCESSES} processes x ${CALLS} calls for one cold key, factory ${FACTORY_MS} ms`

/**
 * Lets processes ask for one cold key at the same moment. Gives for each library how often the factory ran in all of them, and what
 * the slowest call took in ms.
 */
export async function measureStampede({ redis }) {
  const processes = Array.from({ length: PROCESSES }, () => fork(import.meta.filename, [redis]))
  const ask = (message) =>
    Promise.all(
      processes.map((child) => {
        const answer = childAnswer(child)
        child.send(message)
        return answer
      }),
    )
  try {
    await ask({ name: 'all, to warm up' })
    const measured = []
    for (const { name } of [keyedcache, ...peers]) {
      const answers = await ask({ name, id: COLD_ID, beginMs: Date.now() + BEGIN_AFTER_MS })
      const runs = answers.reduce((sum, answer) => sum + answer.runs, 0)
      measured.push({ name, runs, slowestMs: Math.max(...answers.map((answer) => answer.slowestMs)) })
    }
    return measured
  } finally {
    for (const child of processes) child.kill()
  }
}

if (process.argv[1] === import.meta.filename) {
  const backend = { redis: process.argv[2] }
  const opened = new Map()
  for (const { name, throughRedis } of [keyedcache, ...peers]) opened.set(name, await throughRedis(backend))
  process.on('message', ({ name, id, beginMs }) => {
    void storm(opened.get(name), id, beginMs).then((outcome) => process.send(outcome))
  })
  process.on('disconnect', () => process.exit())

  async function storm(library, id, beginMs) {
    if (library === undefined) {
      for (const each of opened.values()) await each.getOrSet(process.pid, async () => 'warm')
      return {}
    }
    await delay(Math.max(0, beginMs - Date.now()))
    let runs = 0
    const factory = async () => {
      runs++
      await delay(FACTORY_MS)
      return 'value'
    }
    const startMs = performance.now()
    const times = Array.from({ length: CALLS }, async () => {
      await library.getOrSet(id, factory)
      return performance.now() - startMs
    })
    return { slowestMs: Math.max(...(await Promise.all(times))), runs }
  }
}
