import { type ProcessState, ProcessStates } from './process-states.js'

/** A value as the factories and writers of the history make it. */
export interface Told {
  readonly id: string
  readonly key: string
  readonly version: number
  /** All of it once more. */
  readonly again: string
}

/** Something that a process did, or `delay`: that it got no turn. Times are ms of a clock that all processes share. */
export interface Operation {
  readonly pid: number
  readonly op: 'get' | 'getOrSet' | 'set' | 'delete' | 'deleteChildren' | 'deleteTag' | 'run' | 'delay'
  readonly keys: readonly string[]
  /** Of a write: what the source says since before it began, for each key. */
  readonly versions: readonly number[]
  readonly begunMs: number
  readonly endedMs: number
  /** `false`: it may have happened or not, or is still under way. */
  readonly ok: boolean
  /** What a read gave. */
  readonly value?: Told
  /** Of a run of a factory: the value it made. */
  readonly id?: string
  /** Of what was rejected. */
  readonly code?: string
}

/** Where a value is from. */
export interface Produced {
  readonly id: string
  readonly key: string
  readonly version: number
  readonly begunMs: number
}

/** Trouble that was made. */
export interface Fault {
  readonly kind: string
  readonly fromMs: number
  readonly toMs: number
  /** The process that it hit; none when it was Redis. */
  readonly pid?: number | undefined
}

/** What processes did, and what was done to them. */
export interface History {
  readonly operations: readonly Operation[]
  readonly produced: readonly Produced[]
  readonly faults: readonly Fault[]
  readonly states: readonly ProcessState[]
}

/** How long calls may take, and what is kept while Redis is away may serve, in ms. */
export interface Bounds {
  /** One answer from Redis. */
  readonly redisTimeoutMs: number
  readonly leaseMs: number
  /** What a busy machine adds. */
  readonly slackMs: number
  /** How long after a fault one computation at a time is not yet demanded. */
  readonly settleMs: number
  /** `fallback.ttl`, or the ttl of the values where that is less. */
  readonly fallbackTtlMs: number
  /** How long a value may serve for longer where its factory fails. */
  readonly graceMs: number
}

/** A promise that was not kept. */
export interface Violation {
  readonly rule: 'V1' | 'V2' | 'V3' | 'V4' | 'V5' | 'V8'
  readonly what: string
}

const READS = new Set(['get', 'getOrSet'])
/** How many steps, each within the time limit, an operation has. */
const STEPS: Readonly<Record<string, number>> = { deleteChildren: 4, deleteTag: 4 }

/** What the factories of the history throw, which callers are to see. */
const OF_THE_SOURCE = 'ERR_SOURCE'

/** What is known of a history beside the operations of one key. */
interface Known {
  readonly byId: ReadonlyMap<string, Produced>
  readonly states: ProcessStates
  readonly bounds: Bounds
}

/** Judges a history, in O(n log n). */
export function check({ operations, produced, faults, states: noted }: History, bounds: Bounds): Violation[] {
  const states = new ProcessStates(noted)
  const delays = operations.filter(({ op }) => op === 'delay')
  const byId = new Map(produced.map((each) => [each.id, each]))
  const known: Known = { byId, states, bounds }
  const byKey = new Map<string, Operation[]>()
  for (const operation of operations) {
    for (const key of operation.keys) {
      const list = byKey.get(key)
      if (list === undefined) byKey.set(key, [operation])
      else list.push(operation)
    }
  }
  return [
    ...operations.flatMap((operation) => provenance(operation, byId)),
    ...operations.flatMap((operation) => boundedTime(operation, { faults, delays, byKey }, bounds)),
    ...Array.from(byKey, ([key, list]) => [
      ...noStaleRead(key, list, known),
      ...oneRun(key, list, faults, bounds),
      ...fenced(key, list, known),
    ]).flat(),
    ...toldAlike(states),
  ]
}

/** V1: what was read was made for that key, before the read ended, and is whole. */
function provenance(
  { op, keys: [key = ''], value, endedMs, code }: Operation,
  byId: Map<string, Produced>,
): Violation[] {
  if (op === 'getOrSet' && code === OF_THE_SOURCE) return []
  if (READS.has(op) && code !== undefined) return [{ rule: 'V1', what: `${op} of ${key} was rejected: ${code}` }]
  if (!READS.has(op) || value === undefined) return []
  const origin = byId.get(value.id)
  const isTrue =
    origin !== undefined &&
    origin.begunMs <= endedMs &&
    value.key === key &&
    origin.key === key &&
    origin.version === value.version &&
    value.again === `${value.id} ${key} ${value.version}`
  return isTrue ? [] : [{ rule: 'V1', what: `${op} of ${key} gave ${JSON.stringify(value)}, which nobody made` }]
}

/**
 * V2: no read that began after a write or a delete had resolved gives what is older, unless its process was down meanwhile: then it may
 * be older than what others wrote, by as much as is kept so long. One's own writes oblige a process always, also those that were refused.
 */
function noStaleRead(key: string, list: readonly Operation[], known: Known): Violation[] {
  const writes = list
    .filter(({ versions, op }) => versions.length > 0 && op !== 'run')
    .toSorted((a, b) => a.endedMs - b.endedMs)
  const reads = list
    .filter(({ op, value }) => READS.has(op) && value !== undefined)
    .toSorted((a, b) => a.begunMs - b.begunMs)
  const runs = list.filter(({ op }) => op === 'run')
  const violations: Violation[] = []
  let atLeast = 0
  const atLeastOf = new Map<number, number>()
  let next = 0
  for (const read of reads) {
    const { op, pid, begunMs, value } = read
    for (; next < writes.length; next++) {
      const write = writes[next] as Operation
      if (write.endedMs >= begunMs) break
      const version = write.versions[write.keys.indexOf(key)] ?? 0
      if (write.ok) atLeast = Math.max(atLeast, version)
      atLeastOf.set(write.pid, Math.max(atLeastOf.get(write.pid) ?? 0, version))
    }
    const version = value?.version ?? 0
    const own = atLeastOf.get(pid) ?? 0
    const isExcused = version >= own && mayBeOld(read, runs, known)
    if ((version >= atLeast && version >= own) || isExcused) continue
    const than = version < own ? `its own process had written or deleted ${own}` : `version ${atLeast} was acknowledged`
    violations.push({
      rule: 'V2',
      what: `${op} of ${key} at ${begunMs.toFixed(0)} gave version ${version} after ${than}`,
    })
  }
  return violations
}

/** Whether the process of a read was down, and the value not older than what is kept may be. */
function mayBeOld(read: Operation, runs: readonly Operation[], { byId, states, bounds }: Known): boolean {
  const { pid, begunMs, endedMs, value } = read
  if (!states.wereDown(pid, begunMs, endedMs)) return false
  const madeBy = runs.find(({ id }) => id === value?.id)
  const madeMs = madeBy?.endedMs ?? (byId.get(value?.id ?? '')?.begunMs ?? 0) + bounds.redisTimeoutMs
  const { fallbackTtlMs, graceMs, slackMs } = bounds
  const hasFailed = runs.some(
    (run) => !run.ok && run.pid === pid && run.endedMs >= begunMs - graceMs && run.endedMs <= endedMs,
  )
  return begunMs - madeMs <= fallbackTtlMs + (hasFailed ? graceMs : 0) + slackMs
}

/**
 * V3: away from faults, two factories of one key run at once only where a write came between. A call that has waited in vain, since a write,
 * for up to two computations, computes beside others as soon as it hears of that.
 */
function oneRun(
  key: string,
  list: readonly Operation[],
  faults: readonly Fault[],
  { settleMs, slackMs }: Bounds,
): Violation[] {
  const runs = list.filter(({ op }) => op === 'run').toSorted((a, b) => a.begunMs - b.begunMs)
  const writes = list.filter(({ op }) => op !== 'run' && !READS.has(op))
  const violations: Violation[] = []
  let last: Operation | undefined
  for (const run of runs) {
    const before = last
    if (last === undefined || run.endedMs > last.endedMs) last = run
    if (before === undefined || before.endedMs <= run.begunMs) continue
    const isTroubled = faults.some(({ fromMs, toMs }) => fromMs <= run.endedMs && toMs + settleMs >= before.begunMs)
    const heardMs = before.begunMs - slackMs - 2 * (before.endedMs - before.begunMs)
    const isVoided = writes.some(({ begunMs, endedMs }) => begunMs <= run.begunMs && endedMs >= heardMs)
    if (isTroubled || isVoided) continue
    violations.push({ rule: 'V3', what: `two factories of ${key} ran at once, at ${run.begunMs.toFixed(0)}` })
  }
  return violations
}

/** What beside a call says how long it may wait. */
interface Surroundings {
  readonly faults: readonly Fault[]
  readonly delays: readonly Operation[]
  readonly byKey: ReadonlyMap<string, readonly Operation[]>
}

/** V4: every call settles in time, not counting when its own process got no turn, unless it was frozen or blocked meanwhile. */
function boundedTime(operation: Operation, surroundings: Surroundings, bounds: Bounds): Violation[] {
  const { op, keys, pid, begunMs, endedMs } = operation
  if (op === 'run' || op === 'delay' || endedMs - begunMs <= bounds.slackMs) return []
  const { faults, delays } = surroundings
  const most =
    op === 'getOrSet'
      ? longestWait(operation, surroundings, bounds)
      : (STEPS[op] ?? 1) * bounds.redisTimeoutMs + bounds.slackMs
  if (endedMs - begunMs <= most) return []
  const withoutTurnMs = delays
    .filter((each) => each.pid === pid)
    .reduce((sum, each) => sum + Math.max(0, Math.min(endedMs, each.endedMs) - Math.max(begunMs, each.begunMs)), 0)
  if (endedMs - begunMs - withoutTurnMs <= most) return []
  if (faults.some((fault) => fault.pid === pid && fault.fromMs <= endedMs && fault.toMs >= begunMs)) return []
  return [
    { rule: 'V4', what: `${op} of ${keys[0]} took ${(endedMs - begunMs).toFixed(0)} ms, at ${begunMs.toFixed(0)}` },
  ]
}

/**
 * How long a call may wait for a value: for two computations, however often the key is deleted. Around a fault also for a lease that nobody
 * renews any more, and twice for an answer.
 */
function longestWait(
  { keys: [key = ''], begunMs, endedMs }: Operation,
  { faults, byKey }: Surroundings,
  { leaseMs, redisTimeoutMs, slackMs, settleMs }: Bounds,
): number {
  const runs = (byKey.get(key) ?? []).filter(
    (run) => run.op === 'run' && run.begunMs <= endedMs && run.endedMs >= begunMs,
  )
  const longestMs = Math.max(0, ...runs.map((run) => run.endedMs - run.begunMs))
  const isTroubled = faults.some(({ fromMs, toMs }) => fromMs <= endedMs && toMs + settleMs >= begunMs)
  return 2 * longestMs + slackMs + (isTroubled ? leaseMs + 2 * redisTimeoutMs : 0)
}

/**
 * V5: what was seen stored is never followed by what was begun before it: a holder that comes late overwrites nothing. What a process
 * reads that is down need not be stored.
 */
function fenced(key: string, list: readonly Operation[], { byId, states }: Known): Violation[] {
  const gets = list
    .filter(({ op, value }) => op === 'get' && value !== undefined)
    .filter(({ pid, begunMs, endedMs }) => !states.wereDown(pid, begunMs, endedMs))
  const seen = gets.toSorted((a, b) => a.endedMs - b.endedMs)
  const violations: Violation[] = []
  let next = 0
  let newest: Produced | undefined
  for (const { begunMs, value } of gets.toSorted((a, b) => a.begunMs - b.begunMs)) {
    for (; next < seen.length && (seen[next] as Operation).endedMs < begunMs; next++) {
      const origin = byId.get((seen[next] as Operation).value?.id ?? '')
      if (origin !== undefined && origin.begunMs > (newest?.begunMs ?? 0)) newest = origin
    }
    const origin = byId.get(value?.id ?? '')
    // what began at nearly the same time has no order
    if (origin === undefined || newest === undefined || origin.id === newest.id) continue
    if (origin.begunMs >= newest.begunMs || origin.version >= newest.version) continue
    violations.push({
      rule: 'V5',
      what: `get of ${key} gave ${origin.id} (version ${origin.version}) after ${newest.id}`,
    })
  }
  return violations
}

/** V8: where the event `state` says down, `stats()` does too. */
function toldAlike(states: ProcessStates): Violation[] {
  return states.contradictions().map(({ pid, sinceMs }) => ({
    rule: 'V8',
    what: `stats() of ${pid} said up at ${sinceMs.toFixed(0)}, its events down`,
  }))
}
