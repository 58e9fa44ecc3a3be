import type { Budget } from './state.js'

/** How one that changes the source then tells the cache of it. */
export type Way = 'delete' | 'children' | 'deleteTag' | 'set'

/** Who takes part, and what may happen. */
export interface Scenario {
  /** How many keys there are. */
  readonly keys: 1 | 2
  /** The process of each call. Those of one process begin in order, since they are alike. */
  readonly calls: readonly number[]
  /** The process and the way of each writer. All entries carry the tag of `deleteTag`. */
  readonly writers: readonly (readonly [process: number, way: Way])[]
  /** Whether process 0 has the near tier. */
  readonly near?: boolean
  /** Whether factories say their tags at the end. */
  readonly lateTags?: boolean
  /** Whether it begins with a computation that call 0 has begun. */
  readonly underWay?: boolean
  /** Whether the source has changed without a deletion: it is left to the ttl to see to that. */
  readonly aged?: boolean
  /** Calls that compute whatever is stored. Each is the only one of its process. */
  readonly computing?: readonly number[]
  /** Whether all calls have `refresh: true`. */
  readonly refresh?: boolean
  readonly happens?: Partial<Budget>
}

const twice = (way: Way, process: number): Scenario['writers'] => [
  [process, way],
  [process, way],
]

export const SCENARIOS = {
  'one process, two deletions': { keys: 1, calls: [0, 0, 0], writers: twice('delete', 1) },
  'two processes, two deletions': { keys: 1, calls: [0, 0, 1], writers: twice('delete', 2) },
  'three processes, two deletions': { keys: 1, calls: [0, 1, 2], writers: twice('delete', 3) },
  'a computation under way, two deletions': {
    keys: 1,
    calls: [0, 0, 0, 1],
    writers: twice('delete', 2),
    underWay: true,
  },
  'a crash': { keys: 1, calls: [0, 1, 1], writers: [[2, 'delete']], happens: { crashes: 1 } },
  'a pause': { keys: 1, calls: [0, 1, 1], writers: [[2, 'delete']], happens: { leaseEnds: 1 } },
  'factories that fail': { keys: 1, calls: [0, 1, 2], writers: [[3, 'delete']], happens: { failures: 2 } },
  'callers that leave': { keys: 1, calls: [0, 0, 1], writers: [[2, 'delete']], happens: { signals: 2 } },
  'callers that time out': {
    keys: 1,
    calls: [0, 0, 1],
    writers: [[2, 'delete']],
    happens: { timeouts: 1, signals: 2 },
  },
  'callers that leave in a process that is cut off': {
    keys: 1,
    calls: [0, 0, 1],
    writers: [[2, 'delete']],
    happens: { signals: 1, cuts: 1 },
  },
  'refreshing in three processes': { keys: 1, calls: [0, 1, 2, 2], writers: [], refresh: true },
  'refreshing, a deletion': { keys: 1, calls: [0, 1, 2], writers: [[3, 'delete']], refresh: true },
  'expiry, loss of data': { keys: 1, calls: [0, 1, 1], writers: [[2, 'delete']], happens: { entryEnds: 1, losses: 1 } },
  'a lost message': { keys: 1, calls: [0, 0, 1], writers: [[2, 'delete']], happens: { lostMessages: 1 } },
  'set and delete': {
    keys: 1,
    calls: [0, 0, 1],
    writers: [
      [0, 'set'],
      [2, 'delete'],
    ],
  },
  'set in a process that is cut off': {
    keys: 1,
    calls: [0, 0, 1],
    writers: [
      [0, 'set'],
      [2, 'delete'],
    ],
    happens: { cuts: 1 },
  },
  'deletion in a process that is cut off': {
    keys: 1,
    calls: [0, 0],
    writers: [
      [0, 'delete'],
      [2, 'delete'],
    ],
    happens: { cuts: 1 },
  },
  near: {
    keys: 1,
    calls: [0, 0, 1],
    writers: [
      [0, 'delete'],
      [1, 'delete'],
    ],
    near: true,
  },
  'near, cut off': {
    keys: 1,
    calls: [0, 0],
    writers: [
      [0, 'delete'],
      [1, 'delete'],
    ],
    near: true,
    happens: { cuts: 1 },
  },
  'near, expiry and loss of data': {
    keys: 1,
    calls: [0, 0],
    writers: twice('delete', 1),
    near: true,
    happens: { entryEnds: 1, losses: 1 },
  },
  'children, two keys': { keys: 2, calls: [0, 1], writers: twice('children', 2) },
  'children, near': { keys: 2, calls: [0, 0], writers: [[0, 'children']], near: true },
  'tag, two keys': { keys: 2, calls: [0, 1], writers: twice('deleteTag', 2) },
  tag: { keys: 1, calls: [0, 0, 1], writers: twice('deleteTag', 2) },
  'values that cannot be kept': {
    keys: 1,
    calls: [0, 1, 2],
    writers: [
      [3, 'set'],
      [3, 'delete'],
    ],
    aged: true,
    computing: [1, 2],
    happens: { unkept: 2 },
  },
  'late tag, values that cannot be kept': {
    keys: 1,
    calls: [0, 0, 1],
    writers: [[2, 'deleteTag']],
    lateTags: true,
    happens: { unkept: 1 },
  },
  'late tag': { keys: 1, calls: [0, 0, 1], writers: twice('deleteTag', 2), lateTags: true },
  'late tag, eviction': {
    keys: 1,
    calls: [0, 0, 1],
    writers: [[2, 'deleteTag']],
    lateTags: true,
    happens: { evictions: 1, leaseEnds: 1 },
  },
} as const satisfies Record<string, Scenario>

export type ScenarioName = keyof typeof SCENARIOS
