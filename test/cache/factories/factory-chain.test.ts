import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import type { KeyedCache } from '../../../src/contract/cache.js'
import { current, FactoryLink } from '../../../src/cache/factories/factory-chain.js'
import { FactoryWait, refuseOwnKey } from '../../../src/cache/factories/factory-wait.js'
import { describeOnBothStores } from '../../support/both-stores.js'
import { makeGate } from '../../support/gate.js'
import { report } from '../../support/figures.js'
import { isFull } from '../../support/size.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** More than the stack had room for. */
const LINKS = isFull ? 100_000 : 15_000
/** What a test may leave on the heap by itself. All links would take more. */
const FEW_BYTES = 1_000_000

/** Each factory begins the next one, which nobody awaits. Gives the bytes on the heap while the last one runs. */
async function prefetch(cache: KeyedCache, from: number, links: number, atEnd: boolean): Promise<number> {
  const [reached, measured] = [makeGate(), makeGate()]
  const failed: unknown[] = []
  let last: Promise<unknown> = Promise.resolve()
  const begin = (link: number): void => {
    const isLast = link === from + links
    const call = cache.getOrSet(['k', link], async () => (isLast ? stay() : compute(link)))
    call.catch((error: unknown) => {
      failed.push(error)
      reached.open()
    })
    if (isLast) last = call
  }
  const compute = async (link: number): Promise<number> => {
    if (!atEnd) begin(link + 1)
    await Promise.resolve()
    if (atEnd) begin(link + 1)
    return link
  }
  const stay = async (): Promise<void> => {
    reached.open()
    await measured.opened
  }
  begin(from)
  await reached.opened
  expect(failed).toEqual([])
  const used = heapUsed()
  measured.open()
  await last
  return used
}

function heapUsed(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

describeOnBothStores('A chain of factories that each begin the next one', (openCache, kind) => {
  const links = kind === 'memory' ? LINKS : LINKS / (isFull ? 5 : 15)

  test.each([
    ['at once', false],
    ['at their end', true],
  ])('%s ends without an error, and keeps no memory', { timeout: 120_000 }, async (_when, atEnd) => {
    const cache = openCache({ maxEntries: 100 })
    const before = await prefetch(cache, 0, links / 5, atEnd)
    const kept = (await prefetch(cache, links, links, atEnd)) - before
    report(`a chain of ${links} factories, on ${kind}: ${kept} bytes kept`)
    expect(kept).toBeLessThan(FEW_BYTES)
  })
})

describe('A link', () => {
  const cache = {}

  /** Runs inside links of these keys, the outermost first. */
  function inside<T>(links: readonly FactoryLink[], work: () => T): T {
    const [outermost, ...inner] = links
    return outermost === undefined ? work() : outermost.run(() => inside(inner, work))
  }

  /** A chain of links, each made inside the one before. */
  function chain(length: number): FactoryLink[] {
    const links: FactoryLink[] = []
    for (let i = 0; i < length; i++) {
      const before = links.at(-1)
      const make = (): number => links.push(new FactoryLink(cache, [`k${i}`]))
      if (before === undefined) make()
      else before.run(make)
    }
    return links
  }

  test('refuses its own key and those of outer links that wait for it, whatever their number', () => {
    const links = chain(50_000)
    const last = links.at(-1)!
    const waits = links
      .slice(1)
      .map((link, i) => new FactoryWait(links[i]!, { link, followed: undefined }, `k${i + 1}`))
    const refuse = (key: string) => () => last.run(() => refuseOwnKey(cache, key))
    expect(refuse('k49999')).toThrow(/"k49999".*inside its own factory/)
    expect(refuse('k0')).toThrow(/"k0".*inside its own factory/)
    expect(refuse('k50000')).not.toThrow()
    for (const link of links.slice(1, -1)) link.end()
    expect(refuse('k25000')).not.toThrow()
    expect(refuse('k0')).toThrow()
    expect(last.outer).toBe(links[0])
    waits[0]!.end()
    expect(refuse('k0')).not.toThrow()
    expect(refuse('k49999')).toThrow()
  })

  test('keeps none of the links that have ended before it', () => {
    const links = chain(10)
    for (const link of links) {
      link.end()
      expect(link.next).toBeUndefined()
    }
  })

  test.each([
    ['the outermost first', (links: FactoryLink[]) => links],
    ['the innermost first', (links: FactoryLink[]) => links.toReversed()],
  ])('is left out when it has ended, %s', (_order, ordered) => {
    const links = chain(50_000)
    for (const link of ordered(links.slice(0, -1))) link.end()
    const last = links.at(-1)!
    expect(inside([last], () => current())).toBe(last)
    expect(last.outer).toBeUndefined()
    last.end()
    expect(inside([last], () => current())).toBeUndefined()
    expect(last.next).toBeUndefined()
  })
})
