/** The name of an object's class, from the constructor of its prototype. `''` when there is none. */
export function classOf(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (typeof prototype !== 'object' || prototype === null || !Object.hasOwn(prototype, 'constructor')) return ''
  const { constructor } = prototype
  const name: unknown = typeof constructor === 'function' ? constructor.name : ''
  return typeof name === 'string' ? name : ''
}

/**
 * Whether an object is of the built-in class of that name itself, not of a subclass. Objects of another realm (a `vm` context, as test
 * runners use them) count too. So it compares the length of the prototype chain, not the prototypes.
 */
export function isBuiltIn(value: object, name: string): boolean {
  return classOf(value) === name && chainLength(value) === chainLength(globalPrototype(name)) + 1
}

/** Whether this is the prototype of a plain object: `null`, or the `Object.prototype` of any realm. */
export function isPlainPrototype(prototype: object | null): boolean {
  if (prototype === null || prototype === Object.prototype) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}

function globalPrototype(name: string): object {
  return (globalThis as unknown as Record<string, { prototype: object }>)[name]!.prototype
}

function chainLength(value: object): number {
  let length = 0
  for (let at: object | null = value; at !== null; at = Object.getPrototypeOf(at) as object | null) length++
  return length
}
