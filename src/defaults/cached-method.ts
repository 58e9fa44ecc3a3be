import type { CachedFunction, FunctionOptions } from '../cache/cache.js'
import { checkFunctionOptions, planned } from '../cache/cached-function.js'
import type { Ttl } from '../cache/duration.js'
import { argumentsKey, cacheKey, cacheKeyUnder, type KeyPart } from '../cache/key.js'
import { homeHere } from './cache-here.js'

type Method = (this: any, ...args: any[]) => any

/** The standard decorator that caches a method which gives a promise. */
export type CachedDecorator = <M extends Method>(method: M, context: ClassMethodDecoratorContext<any, M>) => M

/**
 * Caches the results of a method in the default cache: `@cached({ ttl: 60 })`. Its name in keys is `<Class>.<method>`; the key of an
 * instance method holds the instance's `cacheId`. An instance without one needs the option `key`.
 * @throws {TypeError} for wrong options, on anything but a method, and under `experimentalDecorators`.
 */
export function cached(options: FunctionOptions<(...args: any[]) => any> | Ttl = {}): CachedDecorator {
  const { key, name, ...getOrSet } = checkFunctionOptions<Method>(
    typeof options === 'object' ? options : { ttl: options },
  )

  return (method, context) => {
    checkContext(context)
    const byName = new Map<string, CachedFunction<Method>>()

    const forClass = (className: string): CachedFunction<Method> => {
      const fullName = name ?? nameOf(className, context.name)
      const known = byName.get(fullName)
      if (known !== undefined) return known
      const parent = cacheKey('func', fullName)
      const made = planned<Method>({
        home: homeHere,
        // What is cached is called with the method's `this` in front.
        fn: (self: unknown, ...args: unknown[]) => method.apply(self, args),
        owner: method,
        name: fullName,
        keyOf: ([self, ...args]) => {
          const id = context.static ? undefined : idOf(self)
          const owner = id === undefined ? parent : cacheKeyUnder(parent, id)
          return key === undefined ? argumentsKey(owner, args) : cacheKeyUnder(owner, ...key(...args))
        },
        options: getOrSet,
      })
      byName.set(fullName, made)
      return made
    }

    return async function (this: any, ...args: any[]) {
      if (!context.static && key === undefined && idOf(this) === undefined) throw withoutId(context.name)
      return forClass(context.static ? this.name : this.constructor.name)(this, ...args)
    } as typeof method
  }
}

function idOf(self: { cacheId?: KeyPart | null } | undefined): KeyPart | undefined {
  return self?.cacheId ?? undefined
}

/** Without an id all instances would share their results. */
function withoutId(method: string | symbol): TypeError {
  const name = String(method)
  return new TypeError(
    `Expected the object whose method ${name} is @cached to have a \`cacheId\`, or the option \`key\` to be given`,
  )
}

function nameOf(className: string, method: string | symbol): string {
  if (className !== '') return `${className}.${String(method)}`
  throw new Error(
    `The method ${String(method)} of a class without a name cannot be cached by its name: give it one with the option \`name\``,
  )
}

function checkContext(context: unknown): void {
  if (typeof context !== 'object' || context === null || !('kind' in context)) {
    throw new TypeError('@cached is a standard decorator: switch off `experimentalDecorators` in tsconfig.json')
  }
  if (context.kind !== 'method') throw new TypeError(`Expected @cached on a method, got a ${String(context.kind)}`)
}
