import { expect, test } from 'vitest'
import { Events } from '../../../src/contract/events/events.js'
import { HeldLeases } from '../../../src/cache/leases/held-leases.js'
import { Lease } from '../../../src/cache/leases/lease.js'
import { MemoryStore } from '../../../src/stores/memory/memory-store.js'
import type { BackendStats } from '../../../src/contract/cache.js'

const FULL = new Error('the store is full')

/** A store that has no room for what was computed. */
class FullStore extends MemoryStore {
  up = true

  override fill(): Promise<boolean> {
    return Promise.reject(FULL)
  }

  override backend(): BackendStats {
    return { ...super.backend(), up: this.up }
  }
}

async function failToFill(up: boolean): Promise<{ ended: string[]; failed: unknown[] }> {
  const store = new FullStore({ maxEntries: 10, maxBytes: 1000 })
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
  const attempt = { key: 'a', process: 'p', leaseMs: 60_000, seen: undefined, follows: true, patient: false }
  await store.acquire({ ...attempt, token: 'holder' })
  await store.acquire({ ...attempt, token: 'follower' })
  const lease = new Lease(setting, { key: 'a', tags: [] }, 'holder', () => undefined)
  store.up = up
  expect(await lease.fill({ key: 'a', bytes: Buffer.alloc(1), expiresAt: Infinity, tags: [] })).toBeUndefined()
  await new Promise(setImmediate)
  await setting.leases.close()
  return { ended, failed }
}

test('A value that the store refuses to keep frees all who wait for it at once, each to compute for itself', async () => {
  expect(await failToFill(true)).toEqual({ ended: ['nothing'], failed: [['fill', 'a', FULL]] })
})

test('Where the store does not answer, its lease is not ended in vain', async () => {
  expect(await failToFill(false)).toEqual({ ended: [], failed: [['fill', 'a', FULL]] })
})
