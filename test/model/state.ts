/*
 * What the model knows. A state is one moment of two keys in Redis, of the processes and of their callers. All of it is small numbers, so
 * that a state can be written as a short text. 0 is always "nothing".
 */

/** What Redis holds for one key, each in a shard of its own. Key 1 is a child of key 0. */
export interface Stored {
  /** The version of the source that the entry was computed from. */
  entry: number
  /** The token of the lease: the number of the flight that holds it. */
  lease: number
  /** Whether the lease is past its end. */
  over: number
  /** Whether somebody follows the lease. */
  followed: number
  /** Whether the tag, or all tags, have a tombstone that is not older than the lease. */
  buried: number
  /** Whether the tombstones were lost, and nobody has noticed. That there are some is noted beside the leases. */
  unknown: number
  /** Where calls refresh: the how manieth entry it is, and which calls began after its factory (bit 0 is call 0). */
  stamp: number
  late: number
}

/** One process. */
export interface Process {
  /** Whether its connections are cut off, or Redis does not answer it. */
  cut: number
  /** Newest version whose deletion has ended here, also one that Redis did not carry out. */
  deleted: number
  /** By key: whether a failed deletion waits to be carried out. */
  pending: number[]
  /** By key: the version of the copy in the near tier. */
  copies: number[]
  /** By key: whether Redis has sent a message of a change that has not arrived. */
  news: number[]
}

/** Where a call of `getOrSet` stands. Each call is made once. */
export const CALL = {
  idle: 0,
  reads: 1,
  hears: 2,
  missed: 3,
  waits: 4,
  answered: 5,
  old: 6,
  early: 7,
  gone: 8,
} as const

export interface Call {
  at: number
  key: number
  /** The newest version that was deleted when it began: anywhere, and in its own process. */
  floor: number
  ownFloor: number
  /** Whether what it reads may be kept in the near tier. */
  keeps: number
  /** What it has read. */
  value: number
  /** The number of the flight that it waits for. */
  flight: number
  /** Whether it began after the start of the flight that it may join (1), or after the value was sent to be stored (2). */
  after: number
  /** For how many computations it has waited in vain. */
  vain: number
  /** Where calls refresh: how often its flight has asked since it waits (at most 2), and whether what the leader stores will be anew for it. */
  asked: number
  anew: number
}

/** Where a computation of a process stands. The number of a flight is that of the call that began it, from 1. */
export const FLIGHT = { none: 0, asks: 1, follows: 2, runs: 3, has: 4, sent: 5, ends: 6, found: 7 } as const

export interface Flight {
  at: number
  /** Whether calls may join it. */
  joinable: number
  /** The leader that it has followed last. */
  leader: number
  /** What a message said of the end of that leader: `TOLD`. */
  told: number
  /** Whether it computes without a lease when another process leads. */
  aside: number
  /** Whether it computes without a lease, and why: `ALONE`. */
  alone: number
  /** Whether its lease was taken away by a deletion, a loss or its end. Then another may compute beside it. */
  lost: number
  /** Whether it knows that. */
  isVoid: number
  value: number
  /** Where calls refresh: the stamp of the entry that it does not take, and one more; 0: it takes none. */
  seen: number
  /** Which calls began after the factory of its value. */
  late: number
  /** Whether the value cannot be kept. */
  unkept: number
  /** Calls may have its result if their `after` is at most `good - 1`. */
  good: number
  /** Whether a call has left it by a timeout, so that it is to go on. */
  kept: number
  /** What becomes of it when nobody of its process waits for it: `UNWANTED`. */
  unwanted: number
  /** Whether somebody followed it when that was asked, or waited for it when it was abandoned. */
  deserts: number
}

/** The store is asked whether somebody else follows; nobody does, as the reply says; its signal has aborted. */
export const UNWANTED = { asks: 1, unfollowed: 2, abandoned: 3 } as const

/** Computes without a lease, because Redis did not answer or beside the process that leads. */
export const ALONE = { unanswered: 1, beside: 2 } as const

export const TOLD = { filled: 1, nothing: 2, voided: 3 } as const

/** Where one that changes the source and then deletes or sets stands. Deletions of many keys have two rounds. */
export const WRITER = { idle: 0, first: 1, second: 2, ended: 3 } as const

export interface Writer {
  at: number
  /** The version that it has committed. */
  version: number
  /** The keys that it is done with in this round, and those that it has found to be removed: bit 0 is key 0. */
  done: number
  found: number
  /** The value of a write that nobody waits for any more and that Redis may still get. */
  late: number
}

/** How often something may still happen. */
export interface Budget {
  cuts: number
  crashes: number
  leaseEnds: number
  entryEnds: number
  losses: number
  evictions: number
  lostMessages: number
  failures: number
  /** Values that cannot be kept, or are skipped. */
  unkept: number
  /** Calls that leave by their signal, and by their timeout. */
  signals: number
  timeouts: number
}

export interface State {
  /** The newest version of the source. */
  source: number
  /** The newest version whose deletion has ended. */
  deleted: number
  /** Whether anything happened after which a follower may have to wait for the end of a lease. */
  accident: number
  /** Whether a value that could not be kept has removed a newer one. */
  robbed: number
  left: Budget
  stored: Stored[]
  processes: Process[]
  calls: Call[]
  flights: Flight[]
  writers: Writer[]
}

export const EMPTY: {
  readonly stored: Stored
  readonly call: Call
  readonly flight: Flight
  readonly writer: Writer
} = {
  stored: { entry: 0, lease: 0, over: 0, followed: 0, buried: 0, unknown: 0, stamp: 0, late: 0 },
  call: { at: 0, key: 0, floor: 0, ownFloor: 0, keeps: 0, value: 0, flight: 0, after: 0, vain: 0, asked: 0, anew: 0 },
  flight: {
    at: 0,
    joinable: 0,
    leader: 0,
    told: 0,
    aside: 0,
    alone: 0,
    lost: 0,
    isVoid: 0,
    value: 0,
    seen: 0,
    late: 0,
    unkept: 0,
    good: 0,
    kept: 0,
    unwanted: 0,
    deserts: 0,
  },
  writer: { at: 0, version: 0, done: 0, found: 0, late: 0 },
}

/** A copy that shares nothing with the state. */
export function copyOf(state: State): State {
  const { source, deleted, accident, robbed } = state
  return {
    source,
    deleted,
    accident,
    robbed,
    left: { ...state.left },
    stored: state.stored.map((each) => ({ ...each })),
    processes: state.processes.map((each) => ({
      ...each,
      pending: [...each.pending],
      copies: [...each.copies],
      news: [...each.news],
    })),
    calls: state.calls.map((each) => ({ ...each })),
    flights: state.flights.map((each) => ({ ...each })),
    writers: state.writers.map((each) => ({ ...each })),
  }
}

const codes: number[] = []

/** The state as a text, one character for each number. Two states of one scenario are equal when their texts are. */
export function textOf(state: State): string {
  codes.length = 0
  note(state)
  return String.fromCharCode(...codes)
}

/** The state of a text. `like` is any state of the same scenario. */
export function stateOf(text: string, like: State): State {
  const state = copyOf(like)
  let place = 0
  const fill = (part: Record<string, unknown>): void => {
    for (const name of Object.keys(part)) {
      if (typeof part[name] === 'number') part[name] = text.charCodeAt(place++)
      else fill(part[name] as Record<string, unknown>)
    }
  }
  fill(state as unknown as Record<string, unknown>)
  return state
}

function note(part: object): void {
  if (Array.isArray(part)) for (const each of part as (number | object)[]) noteOne(each)
  // oxlint-disable-next-line guard-for-in -- nothing is inherited, and this is what takes most of the time
  else for (const name in part) noteOne(part[name as keyof typeof part])
}

function noteOne(each: number | object): void {
  if (typeof each === 'number') codes.push(each)
  else note(each)
}
