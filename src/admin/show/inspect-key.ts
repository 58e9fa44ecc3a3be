import type { KeyedCache } from '../../contract/cache.js'
import type { EntryInfo } from '../../contract/inspected.js'
import type { CacheEvents } from '../../contract/cache-events.js'

/** What is found under a key: an entry, bytes that are no entry (the application sees them as missing), or nothing. */
export type KeyInspection =
  | { readonly is: 'entry'; readonly entry: EntryInfo }
  | {
      readonly is: 'undecodable'
      readonly entry: EntryInfo | undefined
      /** The error that was reported. */
      readonly error: unknown
      readonly bytes: Buffer | undefined
    }
  | { readonly is: 'nothing' }

/** Inspects a key and its value. Counts as no call and changes nothing. */
export async function inspectKey(cache: KeyedCache, key: string): Promise<KeyInspection> {
  let bad: { readonly error: unknown } | undefined
  // Bytes that do not check or decode are reported to listeners. For the caller they are as good as missing.
  const onError = (event: CacheEvents['error']): void => {
    if (event.key === key && event.operation === 'read') bad = event
  }
  cache.on('error', onError)
  try {
    const entry = await cache.entry(key, { value: true })
    if (bad !== undefined) return { is: 'undecodable', entry, error: bad.error, bytes: await cache.bytes(key) }
    return entry === undefined ? { is: 'nothing' } : { is: 'entry', entry }
  } finally {
    cache.off('error', onError)
  }
}
