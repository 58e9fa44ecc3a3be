/** What staff did through the dashboard, or tried to. The events of one `id` belong together: what was meant, and what came of it. */
export interface AuditEvent {
  readonly id: string
  readonly time: Date
  /** `intent` before anything is done, `result` afterwards; what was denied has a result only. */
  readonly phase: 'intent' | 'result'
  /** Who: the name of the user that the host knows. */
  readonly actor: string | undefined
  readonly ip: string | undefined
  /** One key, a key with all below it, all keys of a tag, or everything. */
  readonly mode: 'one' | 'tree' | 'tag' | 'all' | undefined
  /** The key or the tag. */
  readonly target: string | undefined
  /** How many keys the preview had shown. */
  readonly previewed: number | undefined
  readonly outcome: 'done' | 'partial' | 'failed' | 'denied' | undefined
  readonly deleted: number | undefined
  readonly ms: number | undefined
  /** Why it was denied or failed. */
  readonly reason: string | undefined
}
