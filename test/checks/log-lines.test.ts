import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createKeyedCache } from '../../src/cache/create-keyed-cache.js'
import { StateLog } from '../../src/contract/events/state-log.js'
import { RateLimitedWarnings } from '../../src/contract/events/rate-limited-warnings.js'
import { NotCachedError } from '../../src/contract/errors.js'
import { oneLine, quoted } from '../../src/checks/one-line.js'
import { show } from '../../src/checks/show.js'
import { placeOf, reasonOf } from '../../src/checks/reason.js'
import { warningsDuring } from '../support/warnings.js'

const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\u202e]/u

describe('What strangers bring the application to throw', () => {
  const { stderr, stdout, status } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, '../workers/hostile-requests.mjs')],
    { encoding: 'utf8' },
  )
  const lines = stderr.trimEnd().split('\n')

  test('opens nothing, is no error of the server, and ends no process', () => {
    expect(status).toBe(0)
    const answers = JSON.parse(stdout) as Record<string, number>
    // Only `/shows`, for staff, of which there is one in seven
    expect(Object.keys(answers).toSorted()).toEqual(['200', '303', '401'])
    expect(answers['200']).toBeLessThan(1000 / 5)
  })

  test('is at most ten lines of the log for 1,000 requests, each short and without a control character', () => {
    expect(lines.length).toBeGreaterThan(3)
    expect(lines.length).toBeLessThanOrEqual(10)
    for (const line of lines) {
      expect(line).not.toMatch(CONTROL)
      expect(line.length).toBeLessThan(700)
    }
    for (const code of ['ADMIN_DENIED', 'ADMIN_LOGIN', 'ADMIN_READONLY', 'ADMIN_REDACT', 'LISTENER']) {
      expect(lines.filter((line) => line.includes(`[KEYEDCACHE_${code}]`))).toHaveLength(1)
    }
  })
})

describe('A complaint', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('is given at most once a minute, and then says how many there were', async () => {
    const limited = new RateLimitedWarnings()
    const warnings = await warningsDuring('CODE', () => {
      for (let i = 0; i < 5; i++) limited.give('CODE', 'It failed', 'first')
      limited.give('CODE', 'Another thing failed', 'other')
      vi.advanceTimersByTime(59_000)
      limited.give('CODE', 'It failed', 'unsaid')
      vi.advanceTimersByTime(1001)
      limited.give('CODE', 'It failed', 'later')
    })
    expect(warnings).toEqual([
      'It failed: first',
      'Another thing failed: other',
      'It failed: later, and 5 times more before',
    ])
  })

  test('says where an error was thrown, whatever stands in its message', async () => {
    const error = new Error('message\n    at forged (/etc/passwd:1:1)')
    const [warning = ''] = await warningsDuring('CODE', () =>
      new RateLimitedWarnings().give('CODE', 'It failed', error),
    )
    expect(warning).toMatch(/^It failed: message⏎ {4}at forged \S+ \(at .*log-lines\.test\.ts:\d+:\d+\)$/)
    const changed = Object.defineProperty(new Error('changed'), 'stack', { value: 'Error: was\n    at forged' })
    expect(placeOf(changed)).toBe('')
  })
})

describe('A Redis that comes and goes', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  function stateLog(): { log: StateLog; lines: string[] } {
    const lines: string[] = []
    return { lines, log: new StateLog((up, error, more) => lines.push(up ? 'up' : `down (${error as string})${more}`)) }
  }

  test('is told of at once, and when it is back', () => {
    const { log, lines } = stateLog()
    log.change(true, undefined)
    log.change(false, 'gone')
    vi.advanceTimersByTime(600_000)
    log.change(true, undefined)
    log.change(false, 'gone again')
    expect(lines).toEqual(['up', 'down (gone)', 'up', 'down (gone again)'])
  })

  test('is at most a line a minute for going and one for coming, with how many there were', () => {
    const { log, lines } = stateLog()
    for (let i = 0; i < 100; i++) {
      log.change(false, i)
      log.change(true, undefined)
    }
    expect(lines).toEqual(['down (0)', 'up'])
    vi.advanceTimersByTime(60_000)
    expect(lines).toHaveLength(2)
    log.change(false, 'later')
    expect(lines[2]).toBe('down (later), and 99 times more before')
  })

  test('is told of when the minute is over where it stays away', () => {
    const { log, lines } = stateLog()
    log.change(false, 'first')
    log.change(true, undefined)
    vi.advanceTimersByTime(10_000)
    log.change(false, 'second')
    vi.advanceTimersByTime(49_999)
    expect(lines).toEqual(['down (first)', 'up'])
    vi.advanceTimersByTime(1)
    expect(lines).toEqual(['down (first)', 'up', 'down (second)'])
    log.change(true, undefined)
    expect(lines.at(-1)).toBe('up')
  })
})

describe('Values that cannot be stored', () => {
  test('are warned of once for each group, at most ten in a minute and 200 in all', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    try {
      await using cache = createKeyedCache()
      const warned = (from: number): Promise<string[]> =>
        warningsDuring('KEYEDCACHE_NOT_STORED', async () => {
          for (let i = from; i < from + 30; i++) await cache.getOrSet([`group${i}`], () => () => i) // eslint-disable-line no-await-in-loop
        })
      expect(await warned(0)).toHaveLength(10)
      expect(await warned(0)).toEqual([])
      let all = 10
      for (let minute = 1; minute < 30; minute++) {
        vi.setSystemTime(Date.now() + 60_000)
        all += (await warned(30 * minute)).length // eslint-disable-line no-await-in-loop
      }
      expect(all).toBe(200)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('A reason', () => {
  test.each<[string, unknown, string]>([
    ['an error', new Error('no database'), 'no database'],
    ['an error without a message', new RangeError(), 'RangeError'],
    ['text', 'no database', 'no database'],
    ['empty text', '', 'no reason was given'],
    ['nothing', undefined, 'undefined'],
    ['a symbol', Symbol('x'), 'a symbol'],
    ['an object', { password: 'hunter2' }, '{ password }'],
    ['an object without a prototype', Object.create(null), '{}'],
    ['an error whose message is none', Object.assign(new Error('x'), { message: { a: 1 } }), '[object Object]'],
    [
      'an error whose message throws',
      Object.defineProperty(new Error('x'), 'message', {
        get() {
          throw new Error('never')
        },
      }),
      'what was thrown cannot be shown',
    ],
    ['a proxy that is no more', revoked(), 'what was thrown cannot be shown'],
  ])('is what %s says', (_what, thrown, reason) => {
    expect(reasonOf(thrown)).toBe(reason)
    expect(placeOf(thrown)).toMatch(/^(?: \(at .*\))?$/)
  })

  function revoked(): object {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  }
})

describe('A name in an error or a line of the log', () => {
  const hostile = `\u001b[31m\r\n\u009b2J\u007f\u2028\u202e${'long'.repeat(100)}`

  test('has no control character, and at most 200 characters', () => {
    const names = [oneLine(hostile), quoted(hostile), new NotCachedError(hostile).message, show(hostile)]
    for (const line of [...names, show(new Proxy({}, {})), instanceName(hostile)]) {
      expect(line).not.toMatch(CONTROL)
    }
    for (const line of names.slice(0, 3)) {
      expect(line).toContain('␛[31m')
      expect(line).toContain('…')
    }
    expect(oneLine(hostile)).toHaveLength(200)
    expect(new NotCachedError(hostile).key).toBe(hostile)
  })

  function instanceName(name: string): string {
    return show(
      new (class {
        static name = name
      })(),
    )
  }

  test('stays as it is where nothing is wrong with it', () => {
    expect(quoted('product::123::reviews of "Ötzi" 👩‍👧')).toBe(JSON.stringify('product::123::reviews of "Ötzi" 👩‍👧'))
  })
})
