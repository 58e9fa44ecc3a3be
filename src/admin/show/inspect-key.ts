import type { EntryInfo, KeyedCache } from '../../contract/cache.js'
import type { CacheEvents } from '../../contract/cache-events.js'
import { reasonOf } from '../../checks/reason.js'

/** What is found under a key: an entry, bytes that are none (the application takes them for missing), or nothing. */
export type KeyInspection =
  | { readonly is: 'entry'; readonly entry: EntryInfo }
  | {
      readonly is: 'undecodable'
      readonly entry: EntryInfo | undefined
      readonly reason: string
      readonly bytes: Buffer | undefined
    }
  | { readonly is: 'nothing' }

/** Inspects a key and its value. Counts as no call and changes nothing. */
export async function inspectKey(cache: KeyedCache, key: string): Promise<KeyInspection> {
  let reason: string | undefined
  // what does not check or decode is told to listeners, and to the caller is as good as missing
  const onError = (event: CacheEvents['error']): void => {
    if (event.key === key && event.operation === 'read') {
      reason = reasonOf(event.error)
    }
  }
  cache.on('error', onError)
  try {
    const entry = await cache.entry(key, { value: true })
    if (reason !== undefined) return { is: 'undecodable', entry, reason, bytes: await cache.bytes(key) }
    return entry === undefined ? { is: 'nothing' } : { is: 'entry', entry }
  } finally {
    cache.off('error', onError)
  }
}
