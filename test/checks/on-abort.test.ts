import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { onAbort } from '../../src/checks/on-abort.js'

const listeners = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

describe('However many listen to a signal', () => {
  test('it has one listener, and all are told once', () => {
    const abort = new AbortController()
    const told: number[] = []
    for (let i = 0; i < 20; i++) onAbort(abort.signal, () => told.push(i))
    expect(listeners(abort.signal)).toBe(1)
    abort.abort()
    expect(told).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(listeners(abort.signal)).toBe(0)
  })

  test('it has none when all have ended, in any order, and one again for who comes later', () => {
    const abort = new AbortController()
    let told = 0
    const same = (): void => void told++
    const ends = [1, 2, 3].map(() => onAbort(abort.signal, same))
    for (const place of [1, 0, 1, 2]) ends[place]?.()
    expect(listeners(abort.signal)).toBe(0)
    const end = onAbort(abort.signal, same)
    ends[0]?.()
    expect(listeners(abort.signal)).toBe(1)
    abort.abort()
    expect(told).toBe(1)
    end()
  })

  test('who ends another while they are told keeps it from being told', () => {
    const abort = new AbortController()
    const told: string[] = []
    let endSecond = (): void => undefined
    onAbort(abort.signal, () => {
      told.push('first')
      endSecond()
    })
    endSecond = onAbort(abort.signal, () => told.push('second'))
    onAbort(abort.signal, () => told.push('third'))
    abort.abort()
    expect(told).toEqual(['first', 'third'])
  })

  test('who comes when it has aborted is told at once', () => {
    const signal = AbortSignal.abort()
    let told = 0
    onAbort(signal, () => void told++)()
    expect(told).toBe(1)
    expect(listeners(signal)).toBe(0)
  })
})
