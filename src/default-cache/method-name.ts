import { shared } from '../contract/copies/shared.js'

type Class = { readonly name?: unknown; readonly prototype?: object }

/** Notes that `methodName` gives the name of this method. */
export function nameByClass(method: object): void {
  shared.methodsNamedByClass.add(method)
}

/**
 * The name of a method in keys: `<Class>.<method>`, with the class that it is called on. There are two exceptions. If the method is called
 * through `super`, the name also holds the class that declares it: `C(A).m`. A static method is `static C.m` if the class also has an
 * instance method of that name under `@cached`.
 * @throws {Error} when the class has no name.
 */
export function methodName(self: object, method: object, context: ClassMethodDecoratorContext): string {
  const type = (context.static ? self : self.constructor) as unknown as Class
  if (typeof type.name !== 'string' || type.name === '') throw withoutName(context.name)
  const kind = context.static && isNamedByClass(type.prototype, context.name) ? 'static ' : ''
  const declaring = context.private ? undefined : overridden(self, method, context)
  return `${kind}${type.name}${declaring === undefined ? '' : `(${declaring})`}.${String(context.name)}`
}

/** The name of the class that declares the method, if another class overrides it; `undefined` if none does. */
function overridden(self: object, method: object, context: ClassMethodDecoratorContext): string | undefined {
  let overrides = false
  // An own property of an instance (a bound method, a spy) overrides nothing.
  let at: object | null = context.static ? self : (Object.getPrototypeOf(self) as object | null)
  for (; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const own = Object.getOwnPropertyDescriptor(at, context.name)
    if (own?.value === method) return overrides ? classOf(at, context.static) : undefined
    overrides ||= own !== undefined
  }
  // Another decorator has replaced this method in the class that declares it.
  return undefined
}

/** The name of the class at this place of the prototype chain; `super` if the class has no name. */
function classOf(at: object, isStatic: boolean): string {
  const { name } = (isStatic ? at : at.constructor) as unknown as Class
  return typeof name === 'string' && name !== '' ? name : 'super'
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
    `The method ${String(method)} of a class without a name cannot be cached by its name: give it one with the option \`name\``,
  )
}
