import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { report } from '../support/figures.js'
import { isFull } from '../support/size.js'
import { explore } from './explorer.js'
import { type Rule, RULES } from './rules.js'
import { type ScenarioName, SCENARIOS } from './scenarios.js'

const [STATES, IN_EACH] = isFull ? [1_000_000, 50_000] : [50_000, 2_500]

const source = (path: string): string => readFileSync(new URL(`../../src/${path}`, import.meta.url), 'utf8')
const namesIn = (text: string, pattern: RegExp): string[] => [
  ...new Set(Array.from(text.matchAll(pattern), ([, name]) => name!)),
]

describe('the protocol of leases', () => {
  test(`keeps what it promises in ${STATES} states`, { timeout: 300_000 }, () => {
    let states = 0
    for (const [name, scenario] of Object.entries(SCENARIOS)) {
      const explored = explore(scenario, { atMost: IN_EACH })
      expect(Object.fromEntries(explored.violations), name).toEqual({})
      states += explored.states
    }
    report(`${states} states of the protocol, no violation`)
    expect(states).toBeGreaterThanOrEqual(STATES)
  })

  test.each(rules())('needs its rule: %s', { timeout: 300_000 }, (rule) => {
    const missed = RULES[rule]
    const { violations } = explore(SCENARIOS[missed.in], { without: [rule], first: true })
    expect([...violations.keys()]).toContain(missed.as)
    report(`without "${rule}", ${missed.as} (${missed.in}): ${violations.get(missed.as)!.join(' > ')}`)
  })
})

/** In `npm test` those that are found quickly. */
function rules(): Rule[] {
  const all = Object.entries(RULES) as [Rule, { in: ScenarioName; isDeep?: boolean }][]
  return all.filter(([, { isDeep }]) => isFull || isDeep !== true).map(([rule]) => rule)
}

describe('the model', () => {
  const steps = readdirSync(new URL('.', import.meta.url))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => readFileSync(new URL(file, import.meta.url), 'utf8'))
    .join('\n')
  const scripts = ['entry', 'index', 'lease', 'tag']
    .map((file) => source(`stores/redis/scripts/${file}-scripts.ts`))
    .join('\n')

  test('has every script that voids, grants or ends a lease or stores an entry', () => {
    const bodies = scripts.matchAll(/export const (\w+): Script = script\(`([^`]*)`\)/g)
    const named = Array.from(bodies, ([, name, body]) => (/\b(?:void|finish|store|line)\(/.test(body!) ? name! : ''))
    const concerned = named.filter((name) => name !== '')
    expect(concerned.length).toBeGreaterThan(5)
    expect(concerned.filter((name) => !steps.includes(`\`${name}\``))).toEqual([])
  })

  test('has every outcome of an attempt and of a computation', () => {
    const outcomes = namesIn(scripts.slice(scripts.indexOf('local function attempt')), /return \{ '(\w+)'/g)
    expect(outcomes.toSorted()).toEqual(['follows', 'late', 'leads', 'paused', 'value'])
    const told = namesIn(source('stores/redis/scripts/stored-layout.ts').match(/MESSAGE = \{(.*)\}/)![1]!, /(\w+):/g)
    expect(told).toEqual(['filled', 'nothing', 'voided', 'tag', 'cycle'])
  })

  test('names no part of the cache that is not there', () => {
    const named = namesIn(steps, /\b([A-Z][A-Za-z]+\.#?[a-z]\w+)\b/g).filter((name) =>
      /^[A-Z][a-z]+[A-Z]?\w*\.#?\w+$/.test(name),
    )
    const code = readdirSync(new URL('../../src/cache', import.meta.url), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => source(`cache/${file}`))
      .concat(source('stores/redis/shards/removals.ts'))
    const missing = named.filter((name) => {
      const [of, member] = name.split('.') as [string, string]
      if (['Object', 'Array', 'Math', 'String'].includes(of)) return false
      return !code.some(
        (text) =>
          text.includes(`class ${of} `) && new RegExp(`^ {2}(?:async |get |readonly )?${member}\\b`, 'm').test(text),
      )
    })
    expect(missing).toEqual([])
  })
})
