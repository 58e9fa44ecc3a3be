import { describe, expect, test } from 'vitest'
import { CallOrder } from '../../../src/cache/order/call-order.js'
import { makeGate } from '../../support/gate.js'

describe('Of the calls of one process', () => {
  test('those of other keys wait for nothing', async () => {
    const order = new CallOrder()
    order.beginWrite(['a'], ['t'])
    order.beginWide({ key: 'a', children: true, tag: undefined })
    expect(order.beginWrite(['b', 'ab'], ['t']).come()).toBeUndefined()
    expect(order.beginRemoval('c').come()).toBeUndefined()
    expect(order.beginWide({ key: 'd', children: true, tag: undefined }).come()).toBeUndefined()
    expect(order.settled('e')).toBeUndefined()
    expect(order.beginWide({ key: undefined, children: true, tag: 'u' }).come()).toBeUndefined()
    expect(await order.read(['e', 'f'], async () => 'read')).toBe('read')
  })

  test.each([
    ['a removal of its key', (order: CallOrder) => order.beginRemoval('p::a').come()],
    ['a write of many keys', (order: CallOrder) => order.beginWrite(['x', 'p::a'], []).come()],
    [
      'a removal of its parent',
      (order: CallOrder) => order.beginWide({ key: 'p', children: true, tag: undefined }).come(),
    ],
    [
      'a removal of its tag',
      (order: CallOrder) => order.beginWide({ key: undefined, children: true, tag: 't' }).come(),
    ],
    [
      'a removal of all',
      (order: CallOrder) => order.beginWide({ key: undefined, children: true, tag: undefined }).come(),
    ],
    ['a read of many keys', (order: CallOrder) => order.read(['x', 'p::a'], async () => {})],
    ['a list', (order: CallOrder) => order.settled('p')],
  ])('%s waits for a write, and for no later one', async (_what, call) => {
    const order = new CallOrder()
    const write = order.beginWrite(['p::a'], ['t'])
    let hasCome = false
    const coming = Promise.resolve(call(order)).then(() => (hasCome = true))
    order.beginWrite(['p::b'], [])
    const later = order.beginWrite(['p::a'], [])
    await new Promise(setImmediate)
    expect(hasCome).toBe(false)
    order.end(write)
    await coming
    expect(later.hasEnded).toBe(false)
  })

  test('removals do not wait for each other, and a write waits for all of them', async () => {
    const order = new CallOrder()
    const removals = [order.beginRemoval('a'), order.beginRemoval('a'), order.beginRemoval('a')]
    expect(removals.map((removal) => removal.come())).toEqual([undefined, undefined, undefined])
    const write = order.beginWrite(['a'], [])
    const coming = write.come()
    for (const removal of removals.toReversed()) {
      expect(write.hasCome).toBe(false)
      order.end(removal)
      await new Promise(setImmediate) // eslint-disable-line no-await-in-loop -- what waits has its turn
    }
    await coming
    expect(write.hasCome).toBe(true)
  })

  test('a write that waits is not carried out where another write of its key comes, unless somebody is to see it', () => {
    const order = new CallOrder()
    const keys = ['plain', 'read', 'listed', 'removed']
    order.beginWrite(keys, [])
    const waiting = keys.map((key) => order.beginWrite([key], []))
    const gate = makeGate()
    void order.read(['read'], () => gate.opened)
    void order.settled('listed')
    order.beginRemoval('removed')
    for (const key of keys) order.beginWrite([key], [])
    expect(waiting.map((write, i) => write.storedLater(keys[i] as string) !== undefined)).toEqual([
      true,
      false,
      false,
      false,
    ])
  })

  test('nothing is kept when all have ended', async () => {
    const order = new CallOrder()
    const turns = [
      order.beginWrite(['a', 'b'], ['t']),
      order.beginRemoval('a'),
      order.beginRemoval('a'),
      order.beginWrite(['a'], []),
    ]
    const wide = order.beginWide({ key: undefined, children: true, tag: undefined })
    expect(order.isIdle).toBe(false)
    for (const turn of [...turns, wide]) {
      await turn.come() // eslint-disable-line no-await-in-loop -- one after the other
      order.end(turn)
    }
    await order.settled()
    expect(order.isIdle).toBe(true)
  })
})
