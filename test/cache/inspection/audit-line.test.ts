import { expect, test } from 'vitest'
import type { AuditEvent } from '../../../src/contract/audit-event.js'
import { auditLine, readAuditLine } from '../../../src/cache/inspection/audit-line.js'
import { describeOnBothStores } from '../../support/both-stores.js'

const INTENT: AuditEvent = {
  id: 'a1',
  time: new Date('2026-01-02T03:04:05Z'),
  phase: 'intent',
  actor: 'ann',
  ip: '127.0.0.1',
  mode: 'tree',
  target: 'product::1\n"forged"',
  previewed: 12,
  outcome: undefined,
  deleted: undefined,
  ms: undefined,
  reason: undefined,
}

describeOnBothStores('What staff did', (open) => {
  test('is told the newest first, as it was noted', async () => {
    const cache = open()
    const result: AuditEvent = { ...INTENT, phase: 'result', outcome: 'done', deleted: 13, ms: 5 }
    await cache.audit(INTENT)
    await cache.audit(result)
    expect(await cache.activity()).toEqual([result, INTENT])
    expect(await cache.activity({ limit: 1 })).toEqual([result])
  })

  test('is no key, and stays when the cache is cleared', async () => {
    const cache = open()
    await cache.audit(INTENT)
    expect(await cache.count()).toBe(0)
    expect(await cache.clear()).toBe(0)
    expect(await cache.activity()).toEqual([INTENT])
  })

  test('is kept for about the last 1,000 events', async () => {
    const cache = open()
    const events = Array.from({ length: 1300 }, (_, i) => ({ ...INTENT, id: `${i}` }))
    await Promise.all(events.map((event) => cache.audit(event)))
    const kept = await cache.activity({ limit: 1000 })
    expect(kept.map(({ id }) => id)).toEqual(
      events
        .map(({ id }) => id)
        .slice(300)
        .toReversed(),
    )
  })
})

test('A line that is no event is none', () => {
  expect(readAuditLine(auditLine(INTENT))).toEqual(INTENT)
  for (const line of ['', 'x', 'null', '[]', '{}', '{"id":1}', '{"id":"a","phase":"intent","time":"never"}'])
    expect(readAuditLine(line)).toBeUndefined()
  const odd = auditLine(INTENT).replace('"tree"', '"other"').replace('"previewed":12', '"previewed":"12"')
  expect(readAuditLine(odd)).toEqual({ ...INTENT, mode: undefined, previewed: undefined })
})
