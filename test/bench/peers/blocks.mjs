import { isShort } from '../tables/hand-over.mjs'

/** What was measured of one subject: calls a second of each block, and how long each call took in ms. */
export class Blocks {
  rates = []
  latencies = []
}

/** So many calls are compiled: a service that has run for a second is past them. */
const WARM_UP_CALLS = isShort ? 500 : 5000

/**
 * Measures subjects in blocks of calls, one block of each after the other, round by round, so that what else the machine does meets
 * all of them alike; the order rotates, and every other round it is turned round. A subject's `call` is given the number of the call.
 * The first rounds are a warm-up. Without `callers` one calls, and no call is timed by itself, which would take longer than some do.
 */
export async function interleave(subjects, { callers, calls, rounds }) {
  const warmUps = Math.max(3, Math.ceil(WARM_UP_CALLS / calls))
  const measured = new Map(subjects.map(({ name }) => [name, new Blocks()]))
  for (let round = -warmUps; round < rounds; round++) {
    for (const { name, call } of inTurn(subjects, round)) {
      const latencies = []
      const start = (round + warmUps) * calls
      const rate =
        callers === undefined ? await bare(call, calls, start) : await block(call, callers, calls, start, latencies)
      if (round < 0) continue
      const blocks = measured.get(name)
      blocks.rates.push(rate)
      for (const latency of latencies) blocks.latencies.push(latency)
    }
  }
  return measured
}

/** The order of one round. */
export function inTurn(subjects, round) {
  const first = Math.abs(round) % subjects.length
  const order = [...subjects.slice(first), ...subjects.slice(0, first)]
  return round % 2 === 0 ? order : order.toReversed()
}

/** Each caller calls again as soon as it has its answer. Gives calls a second. */
async function block(call, callers, calls, start, latencies) {
  let next = 0
  const caller = async () => {
    while (next < calls) {
      const number = start + next++
      const beganMs = performance.now()
      await call(number)
      latencies.push(performance.now() - beganMs)
    }
  }
  const beganMs = performance.now()
  await Promise.all(Array.from({ length: callers }, caller))
  return (1000 * calls) / (performance.now() - beganMs)
}

async function bare(call, calls, start) {
  const beganMs = performance.now()
  for (let i = 0; i < calls; i++) await call(start + i)
  return (1000 * calls) / (performance.now() - beganMs)
}
