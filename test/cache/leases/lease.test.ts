import { expect, test } from 'vitest'
import { Events } from '../../../src/contract/events/events.js'
import { HeldLeases } from '../../../src/cache/leases/held-leases.js'
import { Lease } from '../../../src/cache/leases/lease.js'
import { MemoryStore } from '../../../src/stores/memory/memory-store.js'
import type { BackendStats } from '../../../src/contract/cache.js'
import type { Write } from '../../../src/contract/store.js'

const FULL = new Error('the store is full')

/** A store that has no room for what was computed. */
class FullStore extends MemoryStore {
  up = true
  /** Whether it refuses to remove, too. */
  refusesAll = false

  override fill(entry: Write, token: string): Promise<boolean> {
    return entry.bytes.length > 0 || this.refusesAll ? Promise.reject(FULL) : super.fill(entry, token)
  }

  override backend(): BackendStats {
    return { ...super.backend(), up: this.up }
  }
}

/** What is told, what failed, and whether the older entry is there after that. */
async function failToFill(
  up: boolean,
  refusesAll = false,
): Promise<{ ended: string[]; failed: unknown[]; isThere: boolean }> {
  const store = new FullStore({ maxEntries: 10, maxBytes: 1000 })
  await store.write([{ key: 'a', bytes: Buffer.alloc(30), expiresAt: Infinity, tags: [] }])
  const ended: string[] = []
  store.onEnded((_key, how) => ended.push(how))
  const failed: unknown[] = []
  const setting = {
    store,
    near: undefined,
    leaseMs: 60_000,
    leases: new HeldLeases(new Events()),
    onFailed: (operation: string, key: string, error: unknown) => failed.push([operation, key, error]),
  }
  const attempt = { key: 'a', process: 'p', leaseMs: 60_000, seen: 'any' as const, follows: true, patient: false }
  await store.acquire({ ...attempt, token: 'holder' })
  await store.acquire({ ...attempt, token: 'follower' })
  const lease = new Lease(setting, { key: 'a', tags: [] }, 'holder', () => undefined)
  store.up = up
  store.refusesAll = refusesAll
  expect(await lease.fill({ key: 'a', bytes: Buffer.alloc(1), expiresAt: Infinity, tags: [] })).toBeUndefined()
  await new Promise(setImmediate)
  await setting.leases.close()
  return { ended, failed, isThere: (await store.peek('a')) !== undefined }
}

const FAILED = ['fill', 'a', FULL]

test('A value that the store refuses to keep ends what was there, and frees all who wait for it, each to compute for itself', async () => {
  expect(await failToFill(true)).toEqual({ ended: ['nothing'], failed: [FAILED], isThere: false })
})

test('Where the store refuses that too, all who wait are free all the same', async () => {
  expect(await failToFill(true, true)).toEqual({ ended: ['nothing'], failed: [FAILED, FAILED], isThere: true })
})

test('Where the store does not answer, its lease is not ended in vain', async () => {
  expect(await failToFill(false)).toEqual({ ended: [], failed: [FAILED], isThere: true })
})
