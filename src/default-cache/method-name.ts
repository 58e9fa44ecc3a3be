import { isMinified, MAY_BE_BUNDLED, MAY_BE_READ } from '../cache/bundled-names.js'
import { quoted } from '../checks/one-line.js'
import { shared } from '../contract/copies/shared.js'

type Class = { readonly name?: unknown; readonly cacheName?: unknown; readonly prototype?: object }

/** The classes that were warned of. */
const warned = new WeakSet<Class>()

/** The class that a method is called on. `self`: an instance or prototype of it, or the class itself for a static method. */
export function classOf(self: object, context: ClassMethodDecoratorContext): abstract new (...args: any[]) => object {
  return (context.static ? self : self.constructor) as abstract new (...args: any[]) => object
}

/** Notes that `methodName` gives the name of this method. */
export function nameByClass(method: object): void {
  shared.methodsNamedByClass.add(method)
}

/**
 * The name of a method in keys: `<Class>.<method>`, with the class that it is called on, by the static `cacheName` that the class has itself,
 * or else by its name. There are two exceptions. If the method is called
 * through `super`, the name also holds the class that declares it: `C(A).m`. A static method is `static C.m` if the class also has an
 * instance method of that name under `@cached`.
 * @throws {Error} when the class has no name.
 */
export function methodName(self: object, method: object, context: ClassMethodDecoratorContext): string {
  const type = classOf(self, context) as Class
  const name = nameOf(type)
  if (name === undefined) throw withoutName(context.name)
  const kind = context.static && isNamedByClass(type.prototype, context.name) ? 'static ' : ''
  const declaring = context.private ? undefined : overridden(self, method, context)
  return `${kind}${name}${declaring === undefined ? '' : `(${declaring})`}.${String(context.name)}`
}

/** The name of the class that declares the method, if another class overrides it; `undefined` if none does. */
function overridden(self: object, method: object, context: ClassMethodDecoratorContext): string | undefined {
  let overrides = false
  // An own property of an instance (a bound method, a spy) overrides nothing.
  let at: object | null = context.static ? self : (Object.getPrototypeOf(self) as object | null)
  for (; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const own = Object.getOwnPropertyDescriptor(at, context.name)
    if (own?.value === method) return overrides ? (nameOf(classOf(at, context) as Class) ?? 'super') : undefined
    overrides ||= own !== undefined
  }
  // Another decorator has replaced this method in the class that declares it.
  return undefined
}

/** What keys call a class. Warns once of a name such as bundlers make. */
function nameOf(type: Class): string | undefined {
  const own = Object.hasOwn(type, 'cacheName') ? type.cacheName : undefined
  if (typeof own === 'string' && own !== '') return own
  const { name } = type
  if (typeof name !== 'string' || name === '') return undefined
  if (isMinified(name) && !warned.has(type)) {
    warned.add(type)
    process.emitWarning(
      `A class with @cached methods is called ${quoted(name)}, ${MAY_BE_READ}. Give it a name that stays, as in \`static cacheName = 'Product'\`, or give each method the option \`name\``,
      { code: 'KEYEDCACHE_CLASS_NAME' },
    )
  }
  return name
}

function isNamedByClass(prototype: object | undefined, name: string | symbol): boolean {
  for (let at: object | null = prototype ?? null; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const own = Object.getOwnPropertyDescriptor(at, name)
    if (own !== undefined) return typeof own.value === 'function' && shared.methodsNamedByClass.has(own.value as object)
  }
  return false
}

function withoutName(method: string | symbol): Error {
  return new Error(
    `The method ${String(method)} of a class without a name cannot be cached by its name: give the class a static \`cacheName\`, or the method the option \`name\`. If the class has a name in your code, ${MAY_BE_BUNDLED}`,
  )
}
