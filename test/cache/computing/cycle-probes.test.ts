import { expect, test } from 'vitest'
import { FactoryLink, type Followed } from '../../../src/cache/factories/factory-chain.js'
import { FactoryWait } from '../../../src/cache/factories/factory-wait.js'
import { CycleProbes } from '../../../src/cache/computing/cycle-probes.js'
import type { CycleProbe, Store } from '../../../src/contract/store.js'

/** Processes whose probes are delivered when the test says so. */
function processes(count: number) {
  const sent: CycleProbe[] = []
  const listeners: ((probe: CycleProbe) => void)[] = []
  const store = {
    sendCycleProbe: async (probe: CycleProbe) => void sent.push(probe),
    onCycleProbe: (listener: (probe: CycleProbe) => void) => listeners.push(listener),
  } as unknown as Store
  const all = Array.from({ length: count }, () => new CycleProbes(store))
  /** Delivers all probes, each as often as given, until there are no more. Gives how many there were. */
  const deliver = (times = 1): number => {
    let delivered = 0
    for (let probe = sent.shift(); probe !== undefined; probe = sent.shift()) {
      delivered++
      for (let i = 0; i < times; i++) for (const listener of listeners) listener(probe)
    }
    return delivered
  }
  return { all, deliver }
}

/** A factory that runs in a process under a token, and waits for the computation of another token. */
function waiting(probes: CycleProbes, token: string, on: string) {
  const link = new FactoryLink({}, [token])
  probes.lead(token, link)
  const followed = probes.follow(on)
  return { followed, ...waitAgain(link, followed, on) }
}

function waitAgain(link: FactoryLink, followed: Followed, on: string) {
  const refused: Error[] = []
  const wait = new FactoryWait(link, { link: undefined, followed }, on)
  wait.onRefused((error) => refused.push(error))
  return { link, wait, refused }
}

/** Two processes that wait for each other. */
function circle() {
  const { all, deliver } = processes(2)
  const [one, two] = all as [CycleProbes, CycleProbes]
  return { all, deliver, a: waiting(one, 'ta', 'tb'), b: waiting(two, 'tb', 'ta') }
}

test('A cycle is found when a second probe has met the same waits as the first', () => {
  const { a, b, deliver } = circle()
  a.followed.ask()
  expect(deliver()).toBe(2)
  expect(a.refused).toEqual([])
  a.followed.ask()
  deliver()
  expect(String(a.refused)).toMatch(/"tb".*inside its own factory/)
  expect(b.refused).toEqual([])
})

test('A probe that is heard more than once is one probe', () => {
  const { a, deliver } = circle()
  a.followed.ask()
  deliver(3)
  expect(a.refused).toEqual([])
})

test('No cycle is found where one of the waits has ended between two probes, although it has begun again', () => {
  const { a, b, deliver } = circle()
  for (let round = 0, last = b; round < 5; round++) {
    a.followed.ask()
    deliver()
    last.wait.end()
    last = { followed: b.followed, ...waitAgain(b.link, b.followed, 'ta') }
  }
  expect(a.refused).toEqual([])
})

test('No cycle is found where a factory has ended', () => {
  const { a, all, deliver } = circle()
  a.followed.ask()
  deliver()
  all[1]!.end('tb')
  a.followed.ask()
  expect(deliver()).toBe(1)
  expect(a.refused).toEqual([])
})

test('A probe that comes to a cycle of others ends there', () => {
  const { a, all, deliver } = circle()
  const outside = waiting(all[0]!, 'tc', 'ta')
  for (let round = 0; round < 3; round++) {
    outside.followed.ask()
    expect(deliver()).toBe(3)
  }
  expect([...outside.refused, ...a.refused]).toEqual([])
})
