import type { CachedFunction, FunctionOptions } from '../contract/cache.js'
import { optionsOrTtl, planned } from '../cache/cached-function.js'
import type { Ttl } from '../checks/duration.js'
import { cacheKey, cacheKeyUnder, type KeyPart } from '../keys/key.js'
import { currentFunctionHome } from './current-cache.js'
import { classOf, methodName, nameByClass } from './method-name.js'
import { oneLine } from '../checks/one-line.js'

type Method = (this: any, ...args: any[]) => PromiseLike<unknown>

/** A standard decorator that caches a method. The method must give a promise. */
export type CachedDecorator = <M extends Method>(method: M, context: ClassMethodDecoratorContext<any, M>) => M

/**
 * Caches the results of a method in the default cache: `@cached({ ttl: 60 })`. Its name in keys is `<Class>.<method>`; when it is called
 * through `super`, `<Class>(<declaring class>).<method>`. The key of an instance method holds the `cacheId` of the instance. For instances
 * without a `cacheId`, the option `key` must be given.
 * @throws {TypeError} for wrong options, on anything but a method, and under `experimentalDecorators`.
 */
export function cached(options: FunctionOptions<(...args: never[]) => any> | Ttl = {}): CachedDecorator {
  const given = options as FunctionOptions<Method> | Ttl
  const { key, name, ...getOrSet } = optionsOrTtl<Method>(given, '@cached(options) before the method')

  return (method, context) => {
    checkContext(context)
    const byName = new Map<string, CachedFunction<Method>>()

    const called = (fullName: string): CachedFunction<Method> => {
      const known = byName.get(fullName)
      if (known !== undefined) return known
      const parent = cacheKey('func', fullName)
      const made = planned<Method>({
        home: currentFunctionHome,
        fn: method,
        name: fullName,
        claim: (names, self) =>
          names.claim(fullName, method, name === undefined ? classOf(self as object, context) : undefined),
        parentOf: (self) => {
          const id = context.static ? undefined : idOf(self)
          return id === undefined ? parent : cacheKeyUnder(parent, id)
        },
        key,
        options: getOrSet,
      })
      byName.set(fullName, made)
      return made
    }

    async function caching(this: any, ...args: any[]): Promise<unknown> {
      if (!context.static && key === undefined && idOf(this) === undefined) throw withoutId(context.name)
      return called(name ?? methodName(this, caching, context)).apply(this, args)
    }
    Object.defineProperties(caching, {
      name: { value: method.name, configurable: true },
      length: { value: method.length, configurable: true },
    })
    if (name === undefined) nameByClass(caching)
    return caching as unknown as typeof method
  }
}

function idOf(self: unknown): KeyPart | undefined {
  return (self as { cacheId?: KeyPart | null } | undefined)?.cacheId ?? undefined
}

/** The error for an instance without an id. Without one, all instances would share their results. */
function withoutId(method: string | symbol): TypeError {
  const name = String(method)
  return new TypeError(
    `Expected the object whose method ${name} is @cached to have a \`cacheId\`, or the option \`key\` to be given`,
  )
}

function checkContext(context: unknown): void {
  if (typeof context !== 'object' || context === null || !('kind' in context)) {
    throw new TypeError('@cached is a standard decorator: switch off `experimentalDecorators` in tsconfig.json')
  }
  if (context.kind !== 'method')
    throw new TypeError(`Expected @cached on a method, got a ${oneLine(String(context.kind))}`)
}
