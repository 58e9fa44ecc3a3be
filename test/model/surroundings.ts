import { buryAnother, lose, loseTombstones, pruneLease, pruneTombstone, remove, unlink } from './redis.js'
import { type State, CALL, EMPTY, FLIGHT } from './state.js'
import { forget, type Take, type World } from './world.js'

/* What happens to processes, connections and Redis, and what happens by itself. */

/** The steps that nobody takes. */
export function surroundingSteps(world: World, state: State, take: Take): void {
  const { left, stored, processes, flights } = state
  for (const [key, { entry, lease, over, buried, unknown }] of stored.entries()) {
    if (entry > 0 && left.entryEnds > 0) {
      take(`entry ${key} expires`, (next) => {
        next.left.entryEnds--
        unlink(next, key)
      })
    }
    // The process that holds it is paused, or its messages do not come through.
    if (lease > 0 && over === 0 && (left.leaseEnds > 0 || flights[lease - 1]!.at === FLIGHT.none)) {
      take(`lease ${key} is past its end`, (next) => endLease(next, key))
    }
    // It comes a minute later, so it ends no wait.
    const isAwaited = flights.some(({ at }, f) => at === FLIGHT.follows && state.calls[f]!.key === key)
    if (lease > 0 && ((over === 1 && !isAwaited) || !world.keeps('KEEP_UP drops no lease before its end'))) {
      take(`KEEP_UP drops lease ${key}`, (next) => pruneLease(next, key))
    }
    if (buried === 1 && !world.keeps('tombstones stay as long as leases')) {
      take(`KEEP_UP drops tombstone ${key}`, (next) => pruneTombstone(next, key))
    }
    if (buried === 1 && left.evictions > 0) {
      take(`the tombstones of shard ${key} are evicted`, (next) => {
        next.left.evictions--
        loseTombstones(next, key)
      })
    }
    if (unknown === 1) take(`BURY_TAG of another tag in shard ${key}`, (next) => buryAnother(world, next, key))
  }
  if (left.losses > 0) {
    take('FLUSHALL', (next) => {
      next.left.losses--
      next.accident = 1
      lose(world, next)
    })
  }
  for (const [p, { cut, news, pending }] of processes.entries()) {
    for (const [key, isNews] of news.entries()) {
      if (isNews === 1)
        take(`process ${p} hears that ${key} changed (NearTier.forget)`, (next) => hear(world, next, p, key))
    }
    if (cut === 1) take(`process ${p} is connected again`, (next) => connect(world, next, p))
    else if (left.cuts > 0 && matters(world, p)) take(`process ${p} is cut off`, (next) => cutOff(world, next, p))
    for (const [key, isPending] of pending.entries()) {
      if (isPending === 1 && cut === 0) {
        take(`process ${p}: REMOVE ${key}, replayed (FailedDeletions)`, (next) => replay(world, next, p, key))
      }
    }
    if (left.crashes > 0 && flights.some(({ at }, f) => at !== FLIGHT.none && world.scenario.calls[f] === p)) {
      take(`process ${p} crashes`, (next) => crash(world, next, p))
    }
  }
  for (const [f, { told }] of flights.entries()) {
    if (told > 0 && left.lostMessages > 0) {
      take(`flight ${f} does not get the message`, (next) => {
        next.left.lostMessages--
        next.accident = 1
        next.flights[f]!.told = 0
      })
    }
  }
}

function matters({ scenario }: World, process: number): boolean {
  return scenario.calls.includes(process)
}

function endLease(next: State, key: number): void {
  const it = next.stored[key]!
  if (next.left.leaseEnds > 0) next.left.leaseEnds--
  next.accident = 1
  it.over = 1
  next.flights[it.lease - 1]!.lost = 1
}

function hear(world: World, next: State, process: number, key: number): void {
  next.processes[process]!.news[key] = 0
  if (world.keeps('near keeps nothing that changed since its read began')) forget(world, next, process, key)
  else next.processes[process]!.copies[key] = 0
}

function cutOff(world: World, next: State, process: number): void {
  next.left.cuts--
  next.accident = 1
  const it = next.processes[process]!
  it.cut = 1
  it.news.fill(0)
  for (const [f, flight] of next.flights.entries()) if (world.scenario.calls[f] === process) flight.told = 0
  if (!world.keeps('near forgets everything when messages were lost')) return
  for (let key = 0; key < world.scenario.keys; key++) forget(world, next, process, key)
}

function connect(world: World, next: State, process: number): void {
  const it = next.processes[process]!
  it.cut = 0
  if (!world.keeps('a failed deletion is replayed')) it.pending.fill(0)
}

function replay(world: World, next: State, process: number, key: number): void {
  remove(world, next, key)
  next.processes[process]!.pending[key] = 0
}

function crash(world: World, next: State, process: number): void {
  next.left.crashes--
  next.accident = 1
  const it = next.processes[process]!
  for (const each of [it.pending, it.copies, it.news]) each.fill(0)
  for (const [r, of] of world.scenario.calls.entries()) {
    if (of !== process) continue
    const isEnded = next.calls[r]!.at === CALL.answered && next.flights[r]!.at === FLIGHT.none
    if (!isEnded) next.calls[r] = { ...EMPTY.call, key: next.calls[r]!.key, at: CALL.gone }
    if (next.flights[r]!.at !== FLIGHT.none) next.flights[r] = { ...EMPTY.flight, lost: 1 }
  }
}
