/** What staff did, or tried to do, through the dashboard. Events with the same `id` belong together: the intent and the result. */
export interface AuditEvent {
  /** Shared by the intent and the result of one deletion. */
  readonly id: string
  /** When it happened. */
  readonly time: Date
  /** `intent` before anything is done, `result` afterwards. A denied action has only a result. */
  readonly phase: 'intent' | 'result'
  /** The name of the user, as the host application knows it. */
  readonly actor: string | undefined
  /** The address of the request, as Express gives it. */
  readonly ip: string | undefined
  /** One key, a key with all below it, all keys of a tag, or everything. */
  readonly mode: 'one' | 'tree' | 'tag' | 'all' | undefined
  /** The key or the tag. */
  readonly target: string | undefined
  /** How many keys the preview had shown. */
  readonly previewed: number | undefined
  /** How it ended; `undefined` in an intent. */
  readonly outcome: 'done' | 'partial' | 'failed' | 'denied' | undefined
  /** How many keys it has removed. */
  readonly deleted: number | undefined
  /** How long it took, in ms. */
  readonly ms: number | undefined
  /** Why it was denied or failed. */
  readonly reason: string | undefined
}
