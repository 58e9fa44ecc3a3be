import { SHARED_NAME } from './shared.js'

/**
 * Has `instanceof` hold for what another copy of this minor version made of its own class of that name. The name is the same in all copies,
 * whatever a bundler calls the class. A class that extends this one is judged as any other.
 */
export function brand(type: abstract new (...args: any[]) => object, name: string): void {
  const mark = Symbol.for(`${SHARED_NAME}/${name}`)
  Object.defineProperty(type.prototype, mark, { value: true })
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (this !== type) return Function.prototype[Symbol.hasInstance].call(this as () => void, value)
      return typeof value === 'object' && value !== null && mark in value
    },
  })
}
