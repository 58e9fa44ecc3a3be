import { buryTag, remove, removeTagged, voidAndRange, write } from './redis.js'
import { type State, WRITER } from './state.js'
import { forget, type Take, type World } from './world.js'

/* Those who change the source and then tell the cache of it: `src/cache/writing`. */

/** The steps of all writers. */
export function writerSteps(world: World, state: State, take: Take): void {
  for (const [w, writer] of state.writers.entries()) {
    const [process, way] = world.scenario.writers[w]!
    const name = `writer ${w}`
    if (writer.late > 0) take(`${name}: WRITE, long after its deadline`, (next) => writeLate(world, next, w))
    if (writer.at === WRITER.idle && mayBegin(world, state, w)) {
      take(`${name} commits`, (next) => {
        next.source++
        Object.assign(next.writers[w]!, { at: WRITER.first, version: next.source })
      })
    }
    if (writer.at !== WRITER.first && writer.at !== WRITER.second) continue
    if (state.processes[process]!.cut === 1) {
      const what = way === 'set' ? 'set' : 'deletion'
      take(`${name}: the ${what} fails (FailedDeletions.add)`, (next) => failed(world, next, w))
    } else if (way === 'delete') {
      take(`${name}: REMOVE`, (next) => {
        remove(world, next, 0)
        ended(world, next, w)
      })
    } else if (way === 'set') {
      take(`${name}: WRITE`, (next) => {
        write(world, next, 0, next.source)
        ended(world, next, w)
      })
    } else rounds(world, state, w, take)
  }
}

/** Writers that are alike begin in order. */
function mayBegin({ scenario }: World, { writers }: State, w: number): boolean {
  return !writers.some(
    ({ at }, other) =>
      other < w && at === WRITER.idle && String(scenario.writers[other]) === String(scenario.writers[w]),
  )
}

/** `Removals.tree` and `Removals.tag`: a first round in all shards, then a second one. The shards come in any order. */
function rounds(world: World, { writers }: State, w: number, take: Take): void {
  const { at, done, found } = writers[w]!
  const { keys, writers: ways } = world.scenario
  const isTag = ways[w]![1] === 'deleteTag'
  const buriesFirst = world.keeps('BURY_TAG comes before the removal')
  for (let key = 0; key < keys; key++) {
    const bit = 1 << key
    if ((done & bit) !== 0) continue
    const step = (name: string, change: (next: State) => number): void =>
      take(`writer ${w}: ${name} in shard ${key}`, (next) => {
        const isFound = change(next)
        const all = (done | bit) === (1 << keys) - 1
        Object.assign(next.writers[w]!, { done: all ? 0 : done | bit, found: found | isFound })
        if (!all) return
        if (at === WRITER.first) next.writers[w]!.at = WRITER.second
        else ended(world, next, w)
      })
    if (isTag && (at === WRITER.first) === buriesFirst) {
      step('BURY_TAG', (next) => {
        buryTag(world, next, key)
        return 0
      })
    } else if (isTag) {
      step('REMOVE_TAGGED', (next) => {
        removeTagged(world, next, key)
        return 0
      })
    } else if (at === WRITER.first) step('VOID_AND_RANGE', (next) => (voidAndRange(world, next, key) ? bit : 0))
    else {
      step('REMOVE', (next) => {
        // The key itself is removed even if the range does not have it.
        if (key === 0 || (found & bit) !== 0) remove(world, next, key)
        return 0
      })
    }
  }
}

/** It has resolved: whoever reads from now on must not find what was there. */
function ended(world: World, next: State, w: number): void {
  const { version } = next.writers[w]!
  here(world, next, w)
  next.deleted = Math.max(next.deleted, version)
  if (world.keeps('a deletion makes its own process forget')) forgetAll(world, next, world.scenario.writers[w]![0])
}

/** It has rejected: its process takes what is there for missing until the deletion is carried out. */
function failed(world: World, next: State, w: number): void {
  const [process, way] = world.scenario.writers[w]!
  here(world, next, w)
  forgetAll(world, next, process)
  if (way === 'set' && !world.keeps('WRITE does nothing after its deadline')) next.writers[w]!.late = next.source
  if (way === 'set' && !world.keeps('a write that failed is a deletion')) return
  next.processes[process]!.pending.fill(1, 0, way === 'set' || way === 'delete' ? 1 : world.scenario.keys)
  if (!world.keeps('a failed deletion lets nobody join')) return
  for (const [f, flight] of next.flights.entries()) {
    if (world.scenario.calls[f] === process) Object.assign(flight, { joinable: 0, lost: 1 })
  }
}

function here(world: World, next: State, w: number): void {
  const { version } = next.writers[w]!
  const process = next.processes[world.scenario.writers[w]![0]]!
  process.deleted = Math.max(process.deleted, version)
  Object.assign(next.writers[w]!, { at: WRITER.ended, version: 0, done: 0, found: 0 })
}

function writeLate(world: World, next: State, w: number): void {
  write(world, next, 0, next.writers[w]!.late)
  next.writers[w]!.late = 0
}

function forgetAll(world: World, next: State, process: number): void {
  for (let key = 0; key < world.scenario.keys; key++) forget(world, next, process, key)
}
