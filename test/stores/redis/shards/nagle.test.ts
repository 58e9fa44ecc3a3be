import { expect, test } from 'vitest'
import { Nagle } from '../../../../src/stores/redis/shards/nagle.js'
import { makeGate } from '../../../support/gate.js'

test('A command goes out at once while fewer than two are under way, however they end', async () => {
  const nagle = new Nagle()
  const [first, second] = [makeGate(), makeGate()]
  expect(nagle.sendsAtOnce).toBe(true)
  const one = nagle.sent(first.opened.then(() => 1))
  expect(nagle.sendsAtOnce).toBe(true)
  const two = nagle.sent(second.opened.then(() => Promise.reject(new Error('of the second'))))
  expect(nagle.sendsAtOnce).toBe(false)
  second.open()
  await expect(two).rejects.toThrow('of the second')
  expect(nagle.sendsAtOnce).toBe(true)
  const three = nagle.sent(Promise.resolve(3))
  expect(nagle.sendsAtOnce).toBe(false)
  first.open()
  expect(await Promise.all([one, three])).toEqual([1, 3])
  expect(nagle.sendsAtOnce).toBe(true)
})

test('Nothing goes out at once after a turn in which several have waited, until one in which nobody else did', () => {
  const nagle = new Nagle()
  nagle.turned(2)
  expect(nagle.sendsAtOnce).toBe(false)
  nagle.turned(1)
  expect(nagle.sendsAtOnce).toBe(true)
})

test('What has waited leaves as two commands where nothing is under way, as one where something is', async () => {
  const nagle = new Nagle()
  const gate = makeGate()
  expect(nagle.commands).toBe(2)
  const sent = [nagle.sent(gate.opened)]
  expect(nagle.commands).toBe(1)
  sent.push(nagle.sent(gate.opened), nagle.sent(gate.opened))
  expect(nagle.commands).toBe(1)
  gate.open()
  await Promise.all(sent)
  expect(nagle.commands).toBe(2)
})
