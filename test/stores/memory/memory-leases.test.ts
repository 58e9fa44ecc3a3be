import { describe, expect, test } from 'vitest'
import { MemoryLeases } from '../../../src/stores/memory/memory-leases.js'

const attempt = { process: 'host:1', leaseMs: 1000, seen: undefined, follows: true, patient: false }

describe('The leases of one process', () => {
  test('let go of pauses that are over', () => {
    const leases = new MemoryLeases()
    for (let i = 0; i < 100; i++) {
      leases.acquire({ ...attempt, key: `k${i}`, token: 't' }, i)
      leases.end(`k${i}`, 't', 'nothing')
      leases.pause(`k${i}`, i, i + 50)
    }
    expect(leases.size).toBe(50)
    leases.bury('t', 1000)
    expect(leases.size).toBe(0)
  })

  test('are lost with a tag that is removed after they began, and not before, however the clock is set', () => {
    const leases = new MemoryLeases()
    leases.acquire({ ...attempt, key: 'before', token: 't' }, 1000)
    leases.bury('tag', 500)
    leases.acquire({ ...attempt, key: 'after', token: 't' }, 500)
    expect(leases.renew('before', 't', 1000, ['tag'])).toBe(false)
    expect(leases.renew('after', 't', 1000, ['tag'])).toBe(true)
  })

  test('let go of tombstones with the last computation', () => {
    const leases = new MemoryLeases()
    leases.acquire({ ...attempt, key: 'a', token: 't' }, 1)
    leases.acquire({ ...attempt, key: 'b', token: 't' }, 1)
    leases.end('b', 't', 'nothing')
    leases.pause('b', 1, 10_000)
    leases.bury('tag', 2)
    leases.end('a', 't', 'nothing')
    leases.bury('tag', 3)
    expect(leases.size).toBe(1)
  })

  test('let go of tombstones from before all computations, while there always is one', () => {
    const leases = new MemoryLeases()
    let most = 0
    for (let i = 0; i < 20_000; i++) {
      leases.acquire({ ...attempt, key: `k${i % 2}`, token: `t${i}` }, i * 1000)
      leases.end(`k${(i + 1) % 2}`, `t${i - 1}`, 'nothing')
      leases.bury(`tag${i}`, i * 1000)
      most = Math.max(most, leases.size)
    }
    expect(most).toBeLessThanOrEqual(1002)
  })
})
