import type { ScenarioName } from './scenarios.js'

/** What may never be, in any state. `invariants.ts` says of each what it means. */
export type Violation =
  | 'an old read'
  | 'a refresh from before the call'
  | 'two computations at once'
  | 'old stays'
  | 'a wait for a third computation'
  | 'a wait for a lease without need'
  | 'somebody is left alone'
  | 'something newer is removed'
  | 'a timeout spoils the value'
  | 'a wait for ever'

/** Where it is seen that a rule is missing, and what then is wrong. */
interface Missed {
  readonly in: ScenarioName
  readonly as: Violation
  /** Whether that takes more than some 10,000 states. */
  readonly isDeep?: boolean
}

/** The rules of the protocol. Each can be taken out, and is missed then. */
export const RULES = {
  'ACQUIRE respects the lease of another': { in: 'a lost message', as: 'two computations at once' },
  'ACQUIRE replaces a lease that is over': { in: 'a crash', as: 'a wait for ever', isDeep: true },
  'ACQUIRE marks a lease as followed': { in: 'factories that fail', as: 'a wait for a lease without need' },
  'FILL asks for its lease': { in: 'a lost message', as: 'old stays' },
  'FILL looks at the tombstones': { in: 'late tag', as: 'old stays' },
  'FILL of a value that cannot be kept removes what was there': { in: 'values that cannot be kept', as: 'old stays' },
  'FILL of a value that cannot be kept asks for its lease': {
    in: 'values that cannot be kept',
    as: 'something newer is removed',
  },
  'FILL of a value that cannot be kept looks at the tombstones': {
    in: 'late tag, values that cannot be kept',
    as: 'an old read',
  },
  'RELEASE looks at the tombstones': { in: 'late tag, values that cannot be kept', as: 'an old read' },
  'FILL tells those who follow': { in: 'a lost message', as: 'a wait for a lease without need' },
  'REMOVE removes the entry': { in: 'one process, two deletions', as: 'old stays' },
  'REMOVE voids the lease': { in: 'a lost message', as: 'old stays' },
  'REMOVE_TAGGED removes the entry': { in: 'tag', as: 'old stays' },
  'VOID_AND_RANGE voids before it lists': { in: 'children, near', as: 'old stays' },
  'BURY_TAG comes before the removal': { in: 'late tag', as: 'old stays' },
  'BURY_TAG leaves a tombstone': { in: 'tag', as: 'old stays' },
  'tombstones stay as long as leases': { in: 'late tag', as: 'old stays' },
  'FILL and RENEW notice that the tombstones were lost': { in: 'late tag, eviction', as: 'old stays' },
  'who finds no tombstones leaves one for all tags': { in: 'late tag, eviction', as: 'old stays' },
  'KEEP_UP drops no lease before its end': { in: 'a pause', as: 'a wait for a lease without need' },
  'WRITE voids the lease': { in: 'set and delete', as: 'old stays' },
  'WRITE does nothing after its deadline': { in: 'set in a process that is cut off', as: 'an old read' },
  'a value that was acquired is good as of the question': {
    in: 'a lost message',
    as: 'an old read',
    isDeep: true,
  },
  'a stored value is good as of its sending': { in: 'a lost message', as: 'an old read' },
  'a refused value is good as of its start': { in: 'a lost message', as: 'an old read' },
  'a value computed alone is good as of its start': {
    in: 'deletion in a process that is cut off',
    as: 'an old read',
    isDeep: true,
  },
  'calls of one process share a computation': {
    in: 'deletion in a process that is cut off',
    as: 'two computations at once',
  },
  'calls from before the factory stay when it becomes void': {
    in: 'one process, two deletions',
    as: 'a wait for a third computation',
    isDeep: true,
  },
  'who followed one that ended follows no other': {
    in: 'three processes, two deletions',
    as: 'a wait for a third computation',
    isDeep: true,
  },
  'who waited in vain follows nobody': {
    in: 'two processes, two deletions',
    as: 'a wait for a third computation',
    isDeep: true,
  },
  'nor does the computation that it joins': {
    in: 'a computation under way, two deletions',
    as: 'a wait for a third computation',
    isDeep: true,
  },
  'a computation that is followed is not abandoned': {
    in: 'callers that leave',
    as: 'somebody is left alone',
  },
  'who joins while the store is asked keeps the computation': {
    in: 'callers that leave',
    as: 'somebody is left alone',
  },
  'a timeout abandons nothing': { in: 'callers that time out', as: 'a timeout spoils the value' },
  'a refresh does not take what the first leader stores': {
    in: 'refreshing in three processes',
    as: 'a refresh from before the call',
  },
  'who joins a refresh that follows waits for another': {
    in: 'refreshing in three processes',
    as: 'a refresh from before the call',
    isDeep: true,
  },
  'near keeps nothing that changed since its read began': { in: 'near, expiry and loss of data', as: 'old stays' },
  'near forgets everything when messages were lost': { in: 'near, cut off', as: 'old stays' },
  'a deletion makes its own process forget': { in: 'near, cut off', as: 'an old read' },
  'a flush of Redis is told': { in: 'near, expiry and loss of data', as: 'old stays' },
  'a failed deletion hides its keys': { in: 'deletion in a process that is cut off', as: 'an old read' },
  'a failed deletion lets nobody join': {
    in: 'deletion in a process that is cut off',
    as: 'an old read',
    isDeep: true,
  },
  'a failed deletion is replayed': { in: 'deletion in a process that is cut off', as: 'old stays' },
  'a write that failed is a deletion': { in: 'set in a process that is cut off', as: 'old stays' },
} as const satisfies Record<string, Missed>

export type Rule = keyof typeof RULES
