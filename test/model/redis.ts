import { type State, type Stored, ALONE, FLIGHT, TOLD } from './state.js'
import type { World } from './world.js'

/*
 * The scripts of `src/stores/redis/scripts`, each by its name, as far as they concern who may store what. A script is one step: Redis runs
 * nothing beside it.
 */

type Told = (typeof TOLD)[keyof typeof TOLD]

/** `ACQUIRE`, for a flight that can use no entry. Gives the leader when there is one. */
export function acquire(world: World, { stored }: State, key: number, token: number): number {
  const it = stored[key]!
  const isHeld = it.lease !== 0 && (it.over === 0 || !world.keeps('ACQUIRE replaces a lease that is over'))
  if (isHeld && world.keeps('ACQUIRE respects the lease of another')) {
    if (world.keeps('ACQUIRE marks a lease as followed')) it.followed = 1
    return it.lease
  }
  Object.assign(it, { lease: token, over: 0, followed: 0, buried: 0 })
  return 0
}

/** `RENEW`. Gives whether the lease is held. `knownTags`: whether the tags of the entry are known before it is computed. */
export function renew(world: World, state: State, key: number, token: number, knownTags: boolean): boolean {
  const it = state.stored[key]!
  if (it.lease !== token) return false
  if (knownTags && isRemoved(world, it)) {
    state.flights[token - 1]!.lost = 1
    finish(state, key, TOLD.voided)
    return false
  }
  it.over = 0
  return true
}

/** `FILL` of a value that cannot be kept: an entry that has expired. Gives whether the lease was held. */
export function fillWithNothing(world: World, state: State, key: number, token: number, value: number): boolean {
  const it = state.stored[key]!
  const isHeld = it.lease === token
  if (!isHeld && world.keeps('FILL of a value that cannot be kept asks for its lease')) return false
  const isBuried = isRemoved(world, it) && world.keeps('FILL of a value that cannot be kept looks at the tombstones')
  if (!isBuried) {
    if (it.entry > value) state.robbed = 1
    if (world.keeps('FILL of a value that cannot be kept removes what was there')) unlink(state, key)
    // From now on it is known that what was there is older.
    state.deleted = Math.max(state.deleted, value)
  }
  if (isHeld) finish(state, key, isBuried ? TOLD.voided : TOLD.nothing)
  return isHeld && !isBuried
}

/** `FILL`. Gives whether the value is stored. */
export function fill(world: World, state: State, key: number, token: number, value: number): boolean {
  const it = state.stored[key]!
  if (it.lease !== token && world.keeps('FILL asks for its lease')) return false
  const isStored = !isRemoved(world, it) || !world.keeps('FILL looks at the tombstones')
  if (isStored) store(state, key, value)
  if (isStored && world.scenario.refresh === true) {
    it.stamp++
    it.late = state.flights[token - 1]!.late
  }
  if (world.keeps('FILL tells those who follow')) finish(state, key, isStored ? TOLD.filled : TOLD.voided)
  else dropLease(it)
  return isStored
}

/** `RELEASE` after `skip()`. Gives whether the lease was held, and no tag was removed. */
export function skip(world: World, state: State, key: number, token: number): boolean {
  const it = state.stored[key]!
  if (it.lease !== token) return false
  const isBuried = isRemoved(world, it) && world.keeps('RELEASE looks at the tombstones')
  finish(state, key, isBuried ? TOLD.voided : TOLD.nothing)
  return !isBuried
}

/** `RELEASE`. */
export function release(state: State, key: number, token: number, told: Told): void {
  if (state.stored[key]!.lease === token) finish(state, key, told)
}

/** `REMOVE`. */
export function remove(world: World, state: State, key: number): void {
  if (world.keeps('REMOVE voids the lease')) voidLease(state, key)
  if (world.keeps('REMOVE removes the entry')) unlink(state, key)
}

/** `REMOVE_TAGGED`, of an entry that carries the tag. */
export function removeTagged(world: World, state: State, key: number): void {
  if (state.stored[key]!.entry === 0) return
  voidLease(state, key)
  if (world.keeps('REMOVE_TAGGED removes the entry')) unlink(state, key)
}

/** `VOID_AND_RANGE`, in the shard of a key. Gives whether the key is in the range. */
export function voidAndRange(world: World, state: State, key: number): boolean {
  if (world.keeps('VOID_AND_RANGE voids before it lists')) voidLease(state, key)
  return state.stored[key]!.entry !== 0
}

/** `BURY_TAG`, in the shard of a key. */
export function buryTag(world: World, state: State, key: number): void {
  const it = state.stored[key]!
  buryAnother(world, state, key)
  if (it.lease !== 0 && world.keeps('BURY_TAG leaves a tombstone')) it.buried = 1
}

/** `BURY_TAG` of another tag, `KEEP_UP`: whoever finds that the tombstones are not there puts one for all tags. */
export function buryAnother(world: World, { stored }: State, key: number): void {
  const it = stored[key]!
  if (it.unknown === 1 && it.lease !== 0 && world.keeps('who finds no tombstones leaves one for all tags'))
    it.buried = 1
  it.unknown = 0
}

/** The tombstones are evicted, or deleted by hand, and the leases stay. */
export function loseTombstones({ stored }: State, key: number): void {
  Object.assign(stored[key]!, { buried: 0, unknown: 1 })
}

/** `KEEP_UP` drops a tombstone, which it may do when no lease is left that needs it. */
export function pruneTombstone({ stored }: State, key: number): void {
  stored[key]!.buried = 0
}

/** `KEEP_UP` drops a lease, which it may do a minute after its end. */
export function pruneLease({ stored }: State, key: number): void {
  dropLease(stored[key]!)
}

/** `removed` of `lua.ts`. */
function isRemoved(world: World, it: Stored): boolean {
  if (it.unknown === 1 && world.keeps('FILL and RENEW notice that the tombstones were lost')) {
    Object.assign(it, { buried: 1, unknown: 0 })
  }
  return it.buried === 1
}

/** `WRITE`. */
export function write(world: World, state: State, key: number, value: number): void {
  if (world.keeps('WRITE voids the lease')) voidLease(state, key)
  store(state, key, value)
}

/** All that Redis held is gone: FLUSHALL, or a server that comes back empty. */
export function lose(world: World, state: State): void {
  for (const [key, it] of state.stored.entries()) {
    if (it.lease !== 0) state.flights[it.lease - 1]!.lost = 1
    if (world.keeps('a flush of Redis is told')) unlink(state, key)
    else it.entry = 0
    dropLease(it)
    it.unknown = 0
  }
}

/** The entry goes, and those who track its key are told. */
export function unlink(state: State, key: number): void {
  const it = state.stored[key]!
  if (it.entry === 0) return
  it.entry = 0
  changed(state, key)
}

function store(state: State, key: number, value: number): void {
  state.stored[key]!.entry = value
  changed(state, key)
}

function changed({ processes }: State, key: number): void {
  for (const each of processes) if (each.cut === 0) each.news[key] = 1
}

/** `void` of `lua.ts`. */
function voidLease(state: State, key: number): void {
  const it = state.stored[key]!
  if (it.lease === 0) return
  state.flights[it.lease - 1]!.lost = 1
  tell(state, key, TOLD.voided)
  dropLease(it)
}

/** `finish` of `lua.ts`. */
function finish(state: State, key: number, told: Told): void {
  const it = state.stored[key]!
  if (it.followed === 1) tell(state, key, told)
  dropLease(it)
  // With the last lease.
  it.unknown = 0
}

function tell({ flights, calls }: State, key: number, told: Told): void {
  for (const [i, flight] of flights.entries()) {
    if (calls[i]!.key !== key) continue
    const isBeside = flight.alone === ALONE.beside && told === TOLD.voided
    // Beside it another may compute now, as with a lease that is lost.
    if (isBeside) flight.lost = 1
    if (isBeside || flight.at === FLIGHT.follows) flight.told = told
  }
}

function dropLease(it: Stored): void {
  Object.assign(it, { lease: 0, over: 0, followed: 0, buried: 0 })
}
