/** The events that a cache emits to listeners added with `on`. */
export interface CacheEvents {
  /** A call was answered from a stored entry. `savedMs`: how long the value took to compute, in ms; 0 when that is not known. */
  hit: { key: string; by: 'request' | 'near' | 'store' | 'fallback'; stale: boolean; savedMs: number }
  /** A call found nothing. */
  miss: { key: string }
  /** `set` was called. `stored`: whether the value is there now. */
  set: { key: string; stored: boolean }
  /**
   * A key was deleted, and with `children` also all keys below it. `key: undefined` means all keys, or with `tag` all keys that carry the
   * tag.
   * `count`: how many were there.
   */
  delete: { key: string | undefined; children: boolean; tag: string | undefined; count: number }
  /** A factory has returned a value. `stored`: whether the value was stored. */
  compute: { key: string; computeMs: number; stored: boolean }
  /** Something failed, in a call or in the background. The caller may not have been told. */
  error: { operation: string; key: string | undefined; error: unknown }
  /** The backend went up or down. `error`: why it is down, with what to do about it where that is known; `undefined` when it is up. */
  state: { up: boolean; since: Date; error: unknown }
}
