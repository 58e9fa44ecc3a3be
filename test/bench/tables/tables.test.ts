import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

/** Programs of the benchmarks are plain JavaScript: they run by a Node of their own. */
interface Tables {
  mergeLaunches(texts: readonly string[]): string | undefined
  withFigures(page: string, name: string, text: string): string
  headlines(measurements: string): string
  serverTime(measurements: string): string
  tablesOf(page: string): string[][][]
}

const modules = await Promise.all(
  ['merge-launches', 'write-figures', 'headlines', 'markdown'].map(
    (name) => import(join(import.meta.dirname, `${name}.mjs`)) as Promise<object>,
  ),
)
const { mergeLaunches, withFigures, headlines, serverTime, tablesOf } = Object.assign({}, ...modules) as Tables

function read(file: string): string {
  return readFileSync(join(import.meta.dirname, '../../..', file), 'utf8')
}

function between(page: string, name: string): string {
  return page.split(`<!-- ${name}:begin -->`)[1]?.split(`<!-- ${name}:end -->`)[0]?.trim() ?? ''
}

describe('What several launches have told', () => {
  test.each([
    [
      'becomes their median, with the least and the most',
      ['0.90 times', '0.86 times', '0.89 times'],
      '0.89 (0.86–0.90) times',
    ],
    [
      'stays as it is where all told the same',
      ['1 run, p99 of v24.1.2', '1 run, p99 of v24.1.2'],
      '1 run, p99 of v24.1.2',
    ],
    ['is compared as numbers', ['9,500/s', '10,100/s', '11,000/s'], '10,100 (9,500–11,000)/s'],
    ['may be below zero', ['p50 -0.20 ms', 'p50 0.10 ms', 'p50 -0.05 ms'], 'p50 -0.05 (-0.20–0.10) ms'],
    [
      'has each number of a row by itself',
      ['0 of 10; 5 ms', '2 of 12; 4 ms', '0 of 11; 6 ms'],
      '0 (0–2) of 11 (10–12); 5 (4–6) ms',
    ],
    ['is not merged where the words differ', ['kept in 5 ms', 'lost in 5 ms'], undefined],
  ])('%s', (_what, texts, merged) => {
    expect(mergeLaunches(texts)).toBe(merged)
  })
})

describe('A page', () => {
  const page = 'before\n<!-- a:begin -->\n\nold\n\n<!-- a:end -->\nafter\n'

  test('has the figures between its markers, and nothing else is changed', () => {
    expect(withFigures(page, 'a', 'new')).toBe('before\n<!-- a:begin -->\n\nnew\n\n<!-- a:end -->\nafter\n')
  })

  test('without the markers is refused', () => {
    expect(() => withFigures(page, 'b', 'new')).toThrow('<!-- b:begin -->')
    expect(() => withFigures('<!-- a:end --> <!-- a:begin -->', 'a', 'new')).toThrow('<!-- a:begin -->')
  })
})

describe('What other pages say of docs/measurements.md', () => {
  const measurements = read('docs/measurements.md')

  test('in README.md is what stands there', () => {
    expect(tablesOf(between(read('README.md'), 'headlines'))[0]?.toSpliced(1, 1)).toEqual(
      tablesOf(headlines(measurements))[0]?.toSpliced(1, 1),
    )
  })

  test('in docs/operations.md is what stands there', () => {
    expect(between(read('docs/operations.md'), 'server-time')).toBe(serverTime(measurements))
  })

  test('has the worst launch beside the median: the most of a time, the least of a rate', () => {
    const told = measurements
      .replace(/(?<=the slowest call ends )[^|]+(?= ms after it)/, '11 (9–15)')
      .replace(/(?<=\| hit, 1 caller +\| +[^|]+\| +)\S[^|]*(?= \|)/, '0.89 (0.80–0.95)')
    expect(headlines(told)).toContain('the slowest call ends 11 ms (at worst 15) after it')
    expect(headlines(told)).toContain('0.89 times (at worst 0.80) with 1 caller')
  })

  test('is refused where a figure is missing', () => {
    expect(() => headlines(measurements.replace(/max [^;]+ ms/, 'no more'))).toThrow('max # ms')
    expect(() => serverTime(measurements.replace('server time of one', 'time of one'))).toThrow('server time of one')
  })
})

test('Every table of figures stands between markers, which a script fills', () => {
  const left = ['docs/measurements.md', 'docs/operations.md'].map((file) =>
    read(file).replaceAll(/<!-- (\S+):begin -->.*?<!-- \1:end -->/gs, ''),
  )
  const figures = left
    .flatMap(tablesOf)
    .flat()
    .filter((row) => row.some((cell) => /\d (?:ms|µs|MB|GB)\b|\d\/s\b/.test(cell)))
  expect(figures).toEqual([])
})
