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
 * Looks whether a key is asked for inside its own factory. An outer factory is in the way only while it waits for the code that asks: it may
 * have left by a `timeout`, or was served a stale value.
 * @throws {Error} when it is: it would wait for itself for ever.
 */
export function refuseOwnKey(cache: object, key: string): void {
  const asking = current()
  if (asking === undefined) return
  for (let link: FactoryLink | undefined = asking; link !== undefined; link = link.outer) {
    if (!link.isOf(cache, key) || (link !== asking && !waitsFor(link, asking))) continue
    throw new Error(`${quoted(key)} is asked for inside its own factory, which would wait for itself for ever`)
  }
}

/**
 * Says that the calling code waits for the computation of a key. `undefined` outside of factories, where nobody can wait for the caller.
 * @throws {Error} when the computation itself waits for the factory that asks.
 */
export function waitInFactory(on: Awaited, key: string): FactoryWait | undefined {
  const link = current()
  if (link === undefined) return undefined
  if (waitsFor(on.link, link)) throw cycleError(key)
  const wait = new FactoryWait(link, on, key)
  wait.ask()
  return wait
}

/** A wait, and the one that leads to it. */
export interface WaitPath {
  readonly wait: Wait
  readonly before: WaitPath | undefined
}

/** All that a factory waits for, what that waits for, and so on, as far as this process knows. Each computation is come to once. */
export function* waitsFrom(start: FactoryLink | undefined): Generator<WaitPath> {
  const seen = new Set<Awaited>()
  const ahead: { readonly link: FactoryLink | undefined; readonly path: WaitPath | undefined }[] = [
    { link: start, path: undefined },
  ]
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    for (const wait of next.link?.waits ?? []) {
      if (seen.has(wait.on)) continue
      seen.add(wait.on)
      const path = { wait, before: next.path }
      yield path
      ahead.push({ link: wait.on.link, path })
    }
  }
}

/** Whether a factory waits for another one, as far as this process knows. */
function waitsFor(link: FactoryLink | undefined, other: FactoryLink): boolean {
  for (const { wait } of waitsFrom(link)) if (wait.on.link === other) return true
  return false
}

function cycleError(key: string): Error {
  return new Error(
    `${quoted(key)} is asked for inside its own factory, by way of another that waits for it: both would wait for ever`,
  )
}
