import { expect, test, vi } from 'vitest'
import { Uplink } from '../../../../src/stores/redis/connection/uplink.js'
import { fakeRealTime } from '../../../support/fake-real-time.js'
import { makeGate } from '../../../support/gate.js'

const MIB = 2 ** 20
const MOST_MS = 1750

/** Sends so many bytes over a network that carries so many in one ms. */
async function carry(uplink: Uplink, bytes: number, bytesPerMs: number): Promise<void> {
  const answer = new Promise((resolve) => setTimeout(resolve, bytes / bytesPerMs))
  uplink.carry(bytes, answer)
  await vi.advanceTimersByTimeAsync(Math.ceil(bytes / bytesPerMs))
  await answer
}

test('What is under way has to be carried, until it is answered or fails', async () => {
  fakeRealTime()
  const uplink = new Uplink(MOST_MS)
  expect(uplink.carryMs()).toBe(0)
  const gate = makeGate()
  uplink.carry(1600, gate.opened)
  uplink.carry(
    32_000,
    gate.opened.then(() => Promise.reject(new Error('refused'))),
  )
  expect(uplink.carryMs()).toBeCloseTo(2.1)
  expect(uplink.carryMs(16_000)).toBeCloseTo(3.1)
  gate.open()
  await vi.advanceTimersByTimeAsync(0)
  expect(uplink.carryMs()).toBe(0)
})

test('How fast bytes are carried is learned from the answers to many of them', async () => {
  fakeRealTime()
  const uplink = new Uplink(MOST_MS)
  for (let i = 0; i < 12; i++) await carry(uplink, MIB, 8000) // eslint-disable-line no-await-in-loop
  expect(uplink.carryMs(8_000_000) / 1000).toBeCloseTo(1, 1)
  await carry(uplink, 1000, 10)
  expect(uplink.carryMs(8_000_000) / 1000).toBeCloseTo(1, 1)
  for (let i = 0; i < 12; i++) await carry(uplink, MIB, 64_000) // eslint-disable-line no-await-in-loop
  expect(uplink.carryMs(64_000_000) / 1000).toBeCloseTo(1, 1)
})

test('However slow it is, nothing is given more than the most', async () => {
  fakeRealTime()
  const uplink = new Uplink(MOST_MS)
  for (let i = 0; i < 20; i++) await carry(uplink, MIB, 10) // eslint-disable-line no-await-in-loop
  expect(uplink.carryMs(MIB)).toBeLessThan(1100)
  expect(uplink.carryMs(100 * MIB)).toBe(MOST_MS)
})
