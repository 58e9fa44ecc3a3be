import { quoted } from '../checks/one-line.js'
import { shared } from '../contract/copies/shared.js'

type Class = abstract new (...args: any[]) => object
type AnyFunction = (...args: any[]) => any

/** A function, or a class. For a method that has the name of a class, also that class. */
interface Owner {
  readonly owner: Class | AnyFunction
  readonly type: Class | undefined
}

const BUNDLED =
  'a bundler may have changed their names (esbuild keeps them with `--keep-names`), so give each one its own'

const KINDS = {
  function: {
    all: 'functions',
    remedy: `${BUNDLED} one of them another \`name\`, and call cacheFunction or wrap once, outside of request handlers`,
  },
  class: {
    all: 'classes',
    remedy: `${BUNDLED} each one its own, as in \`static cacheName = 'Invoice'\``,
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
   * @param type The class whose name is a part of the name of a method.
   * @returns Whether nobody had the name.
   * @throws {Error} when another one has the name.
   */
  claim(name: string, owner: Class | AnyFunction, type?: Class): boolean {
    const known = this.#owners.get(name)
    if (known === undefined) {
      this.#owners.set(name, { owner, type })
      return true
    }
    if (isAkin(known.owner, owner) && isAkin(known.type, type)) return false
    const isEvaluatedAgain = hasSameSource(known.owner, owner) && hasSameSource(known.type, type)
    if (process.env['NODE_ENV'] === 'production' || !isEvaluatedAgain) throw this.#taken(name)
    this.#owners.set(name, { owner, type })
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

/** Whether two are the same, or classes of which one extends the other. */
function isAkin(one: object | undefined, other: object | undefined): boolean {
  return one === other || isBase(one, other) || isBase(other, one)
}

function isBase(base: object | undefined, derived: object | undefined): boolean {
  return base !== undefined && Object.prototype.isPrototypeOf.call(base, derived as object)
}

/** Whether two have the same source, as have the classes that they extend. */
function hasSameSource(one: Class | AnyFunction | undefined, other: Class | AnyFunction | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  const source = sourceOf(one)
  return source !== undefined && source === sourceOf(other)
}

/** `undefined` for what is bound or built in, whose source says nothing. */
function sourceOf(owner: Class | AnyFunction): string | undefined {
  const isCached = shared.cachedFunctions.get(owner) === owner
  if (isCached) return sourceOf((owner as unknown as { readonly original: AnyFunction }).original)
  const own = Function.prototype.toString.call(owner)
  if (own.endsWith('{ [native code] }')) return undefined
  const base: unknown = Object.getPrototypeOf(owner)
  return typeof base === 'function' ? `${own}\n${sourceOf(base as Class) ?? base.name}` : own
}
