/** What a cache reports as it happens, to listeners added by `on`. */
export interface CacheEvents {
  /** A call was answered from a stored entry. `savedMs`: what the value took to compute. */
  hit: { key: string; by: 'request' | 'near' | 'store'; stale: boolean; savedMs: number }
  /** A call found nothing. */
  miss: { key: string }
  /** `set` was called; `stored` says whether the value is there now. */
  set: { key: string; stored: boolean }
  /**
   * A key was deleted, with `children` all keys below it too; `key: undefined` stands for all keys, or those that carry `tag`.
   * `count`: how many were there.
   */
  delete: { key: string | undefined; children: boolean; tag: string | undefined; count: number }
  /** A factory has ended with a value; `stored` says whether it was kept. */
  compute: { key: string; computeMs: number; stored: boolean }
  /** Something failed that callers were not told of, or not only they. */
  error: { operation: string; key: string | undefined; error: unknown }
  /** The backend went up or down. */
  state: { up: boolean; since: Date; error: unknown }
}
