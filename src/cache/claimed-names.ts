import { quoted } from '../checks/one-line.js'
import { shared } from '../contract/copies/shared.js'

/** A function, or a class. */
type Owner = (abstract new (...args: any[]) => object) | ((...args: any[]) => any)

const KINDS = {
  function: {
    all: 'functions',
    remedy: 'give one of them another `name`, and call cacheFunction or wrap once, outside of request handlers',
  },
  class: {
    all: 'classes',
    remedy: "a bundler may have changed their names, so give each one its own, as in `static cacheName = 'Invoice'`",
  },
}

/** Which function, or which class, has which name in one cache, so that no two share keys. */
export class ClaimedNames {
  readonly #kind: keyof typeof KINDS
  readonly #owners = new Map<string, Owner>()
  readonly #told = new Set<string>()

  constructor(kind: keyof typeof KINDS) {
    this.#kind = kind
  }

  /**
   * A class may share the name of its base. Outside production, what has the same source takes the name over, with one warning: its module
   * was evaluated again.
   * @returns Whether nobody had the name.
   * @throws {Error} when another one has the name.
   */
  claim(name: string, owner: Owner): boolean {
    const known = this.#owners.get(name)
    if (known === undefined) {
      this.#owners.set(name, owner)
      return true
    }
    if (known === owner || isBase(known, owner) || isBase(owner, known)) return false
    if (process.env['NODE_ENV'] === 'production' || !isEvaluatedAgain(known, owner)) throw this.#taken(name)
    this.#owners.set(name, owner)
    this.#tellOnce(name)
    return false
  }

  #taken(name: string): Error {
    const { all, remedy } = KINDS[this.#kind]
    return new Error(
      `Two cached ${all} are called ${quoted(name)} and would share their keys: ${remedy}. If a dev server has evaluated a module again after an edit, restart it`,
    )
  }

  #tellOnce(name: string): void {
    if (this.#told.has(name)) return
    this.#told.add(name)
    process.emitWarning(
      `A second cached ${this.#kind} called ${quoted(name)} takes the place of the first, since it has the same source, as when a dev server evaluates a module again. In production that is an error`,
      { code: 'KEYEDCACHE_TAKEN_OVER' },
    )
  }
}

function isBase(base: Owner, derived: Owner): boolean {
  return Object.prototype.isPrototypeOf.call(base, derived)
}

/** Whether two have the same source, as have the classes that they extend. */
function isEvaluatedAgain(one: Owner, other: Owner): boolean {
  const source = sourceOf(one)
  return source !== undefined && source === sourceOf(other)
}

/** `undefined` for what is bound or built in, whose source says nothing. */
function sourceOf(owner: Owner): string | undefined {
  const isCached = shared.cachedFunctions.get(owner) === owner
  if (isCached) return sourceOf((owner as Owner & { readonly original: Owner }).original)
  const own = Function.prototype.toString.call(owner)
  if (own.endsWith('{ [native code] }')) return undefined
  const base: unknown = Object.getPrototypeOf(owner)
  return typeof base === 'function' ? `${own}\n${sourceOf(base as Owner) ?? base.name}` : own
}
