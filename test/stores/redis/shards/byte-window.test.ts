import { describe, expect, test, vi } from 'vitest'
import { ByteWindow } from '../../../../src/stores/redis/shards/byte-window.js'
import { fakeRealTime } from '../../../support/fake-real-time.js'

const MIB = 2 ** 20

/** A window whose answers come when the test says so. */
class Watched {
  readonly window = new ByteWindow({ timeoutMs: 250, patienceMs: 2000 })
  readonly sent: string[] = []
  readonly refused: string[] = []
  readonly #answers = new Map<string, (isAnswered: boolean) => void>()

  send(name: string, bytes: number): void {
    this.window.send(
      bytes,
      () => {
        this.sent.push(name)
        return new Promise((resolve) => this.#answers.set(name, resolve))
      },
      () => this.refused.push(name),
    )
  }

  async answer(name: string, isAnswered = true): Promise<void> {
    this.#answers.get(name)?.(isAnswered)
    await vi.advanceTimersByTimeAsync(0)
  }
}

describe('A window of bytes', () => {
  test('sends what there is room for, and the others in order when there is', async () => {
    fakeRealTime()
    const watched = new Watched()
    watched.send('a', 0.6 * MIB)
    watched.send('b', 0.4 * MIB)
    watched.send('c', 0.8 * MIB)
    watched.send('d', 1)
    expect(watched.sent).toEqual(['a', 'b'])
    await watched.answer('b')
    expect(watched.sent).toEqual(['a', 'b'])
    await watched.answer('a')
    expect(watched.sent).toEqual(['a', 'b', 'c', 'd'])
  })

  test('sends alone what is larger than it', async () => {
    fakeRealTime()
    const watched = new Watched()
    watched.send('small', 1)
    watched.send('huge', 50 * MIB)
    watched.send('last', 1)
    expect(watched.sent).toEqual(['small'])
    await watched.answer('small')
    expect(watched.sent).toEqual(['small', 'huge'])
    await watched.answer('huge')
    expect(watched.sent).toEqual(['small', 'huge', 'last'])
  })

  /** How many of a hundred pieces are under way at once, after ten that took so long. */
  async function roomAfter(tookMs: number, isAnswered: boolean): Promise<number> {
    const watched = new Watched()
    for (let i = 0; i < 10; i++) {
      watched.send(`${i}`, 1)
      await vi.advanceTimersByTimeAsync(tookMs) // eslint-disable-line no-await-in-loop
      await watched.answer(`${i}`, isAnswered) // eslint-disable-line no-await-in-loop
    }
    watched.sent.splice(0)
    for (let i = 0; i < 100; i++) watched.send(`piece ${i}`, MIB / 16)
    return watched.sent.length
  }

  test('grows when answers come soon, and shrinks when they come late', async () => {
    fakeRealTime()
    expect(await roomAfter(50, true)).toBe(16)
    expect(await roomAfter(5, true)).toBe(41)
    expect(await roomAfter(100, true)).toBe(4)
    expect(await roomAfter(250, false)).toBe(4)
    // Not connected: that says nothing about the network
    expect(await roomAfter(0, false)).toBe(16)
  })

  test('sends everything at once when it is flushed', () => {
    const watched = new Watched()
    for (const name of ['a', 'b', 'c']) watched.send(name, MIB)
    expect(watched.sent).toEqual(['a'])
    watched.window.flush()
    expect(watched.sent).toEqual(['a', 'b', 'c'])
  })

  test('refuses what has waited for too long, and what would be too much', async () => {
    fakeRealTime()
    const watched = new Watched()
    watched.send('a', MIB)
    watched.send('late', MIB)
    await vi.advanceTimersByTimeAsync(1500)
    watched.send('in time', MIB)
    await vi.advanceTimersByTimeAsync(600)
    await watched.answer('a')
    expect(watched).toMatchObject({ sent: ['a', 'in time'], refused: ['late'] })
    for (let i = 0; i < 65; i++) watched.send(`${i}`, MIB)
    expect(watched.refused).toEqual(['late', '64'])
  })
})
