import { realTime } from '../../checks/real-time.js'
import { quoted } from '../../checks/one-line.js'
import { type Awaited, current, type FactoryLink, type Wait } from './factory-chain.js'

/** When a wait asks first whether it is part of a cycle. Most waits end before. Each further pause is longer by this factor. */
const FIRST_ASK_MS = 50
const LONGER = 2

let waits = 0

/** A call inside a factory that waits for a computation. */
export class FactoryWait implements Wait {
  readonly number: number = ++waits
  readonly on: Awaited
  readonly #key: string
  readonly #end: () => void
  #timer: NodeJS.Timeout | undefined
  #refuse: (error: Error) => void = () => undefined

  constructor(link: FactoryLink, on: Awaited, key: string) {
    this.on = on
    this.#key = key
    this.#end = link.begin(this)
  }

  /** Asks other processes again and again whether this wait is part of a cycle. */
  ask(inMs: number = FIRST_ASK_MS): void {
    const ask = (): void => {
      this.on.followed?.ask()
      this.ask(LONGER * inMs)
    }
    this.#timer = realTime.setTimeout(ask, inMs).unref()
  }

  /** Calls the listener with an error when the wait is found to be part of a cycle. */
  onRefused(listener: (error: Error) => void): void {
    this.#refuse = listener
  }

  refuse(): void {
    this.#refuse(cycleError(this.#key))
  }

  end(): void {
    realTime.clearTimeout(this.#timer)
    this.#end()
  }
}

/**
 * Says that the calling code waits for the computation of a key. `undefined` outside of factories, where nobody can wait for the caller.
 * @throws {Error} when the computation itself waits for the factory that asks.
 */
export function waitInFactory(on: Awaited, key: string): FactoryWait | undefined {
  const link = current()
  if (link === undefined) return undefined
  for (const [last] of waitsFrom(on.link)) if (last.on.link === link) throw cycleError(key)
  const wait = new FactoryWait(link, on, key)
  wait.ask()
  return wait
}

/**
 * All that a factory waits for, what that waits for, and so on, as far as this process knows. Each is given once, with the wait before it,
 * the one before that, and so on.
 */
export function* waitsFrom(start: FactoryLink | undefined): Generator<readonly [last: Wait, ...before: Wait[]]> {
  const seen = new Set<Awaited>()
  const ahead: { readonly link: FactoryLink | undefined; readonly path: readonly Wait[] }[] = [
    { link: start, path: [] },
  ]
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    for (const wait of next.link?.waits ?? []) {
      if (seen.has(wait.on)) continue
      seen.add(wait.on)
      const path = [wait, ...next.path] as const
      yield path
      ahead.push({ link: wait.on.link, path })
    }
  }
}

function cycleError(key: string): Error {
  return new Error(
    `${quoted(key)} is asked for inside its own factory, by way of another that waits for it: both would wait for ever`,
  )
}
