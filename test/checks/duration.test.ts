import { describe, expect, test } from 'vitest'
import { toMs } from '../../src/checks/duration.js'

describe('A length of time', () => {
  test.each([
    [0, 0],
    [1, 1000],
    [0.25, 250],
    [300, 300_000],
    [Infinity, Infinity],
    ['0s', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['5 m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
  ])('of %j is %j ms', (ttl, ms) => {
    expect(toMs('ttl', ttl)).toBe(ms)
  })

  test.each<[unknown]>([
    [-1],
    [-Infinity],
    [NaN],
    [''],
    [' '],
    ['5'],
    ['m'],
    ['-5m'],
    ['5 minutes ago'],
    ['1e3s'],
    ['5M'],
    ['5m '],
    ['١s'],
    [`${'1'.repeat(200)}s`],
    [null],
    [undefined],
    [true],
    [5n],
    [{}],
    [[5]],
    [new Date()],
  ])('cannot be %o: a TypeError names the option, what was given and what was expected', (ttl) => {
    const wrong = (): number => toMs('softTimeout', ttl as number)
    expect(wrong).toThrow(TypeError)
    expect(wrong).toThrow(/`softTimeout`.*seconds.*'250ms'.*got/s)
  })

  test('is named in the error as it was given', () => {
    expect(() => toMs('ttl', -1)).toThrow(/got -1$/)
    expect(() => toMs('ttl', '5 min')).toThrow(/got '5 min':/)
  })

  test('is said how to write, where text has no unit or one that is not known', () => {
    const units = 'the units are ms, s, m, h, d, w, y; for seconds write'
    expect(() => toMs('ttl', '45')).toThrow(`got '45': ${units} 45 without quotes`)
    for (const text of ['5min', '5 minutes', '', 'soon'])
      expect(() => toMs('ttl', text)).toThrow(`got '${text}': ${units} 90 without quotes`)
  })
})
