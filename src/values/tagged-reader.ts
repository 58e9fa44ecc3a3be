import { ERROR_CLASSES, TypeTag, TYPED_ARRAY_CLASSES } from './type-tags.js'

/** Turns a tree that `TaggedWriter` wrote, parsed from JSON, back into the value. It checks the tree, because the bytes may be anything. */
export class TaggedReader {
  readonly #binary: Uint8Array
  #taken = 0

  /** `binary`: the data that the tree refers to. The value gets copies of it. */
  constructor(binary: Uint8Array) {
    this.#binary = binary
  }

  /** The whole value. @throws {Error} when the tree or the binary data is not what the writer writes. */
  read(tree: unknown): unknown {
    const value = this.#value(tree)
    if (this.#taken !== this.#binary.length) throw new Error('There is more binary data than the tree refers to')
    return value
  }

  #value(tree: unknown): unknown {
    if (typeof tree !== 'object' || tree === null) return tree
    if (Array.isArray(tree)) return this.#tagged(tree as unknown[])
    // Nobody else uses the tree, so its objects become those of the value.
    const object = tree as Record<string, unknown>
    for (const name of Object.keys(object)) object[name] = this.#value(object[name])
    return object
  }

  #tagged(tree: readonly unknown[]): unknown {
    switch (tree[0]) {
      case TypeTag.array:
        return this.#values(tree, 1)
      case TypeTag.undefined:
        return undefined
      case TypeTag.date:
        return new Date(number(this.#value(tree[1])))
      case TypeTag.bigint:
        return bigint(tree[1], tree[2])
      case TypeTag.map:
        return this.#map(tree)
      case TypeTag.set:
        return new Set(this.#values(tree, 1))
      case TypeTag.regExp:
        return regExp(this.#text(tree[1]), text(tree[2]), number(this.#value(tree[3])))
      case TypeTag.error:
        return this.#error(tree)
      case TypeTag.buffer:
        return Buffer.from(this.#take(tree[1]))
      case TypeTag.arrayBuffer:
        return this.#take(tree[1])
      case TypeTag.typedArray:
        return this.#typedArray(tree)
      case TypeTag.number:
        return notFinite(text(tree[1]))
      case TypeTag.object:
        return this.#properties(tree)
      default:
        throw new Error('The tree holds an unknown tag')
    }
  }

  #values(tree: readonly unknown[], start: number): unknown[] {
    const values: unknown[] = []
    for (let i = start; i < tree.length; i++) values.push(this.#value(tree[i]))
    return values
  }

  #map(tree: readonly unknown[]): Map<unknown, unknown> {
    if (tree.length % 2 === 0) throw new Error('The tree holds a map whose last key has no value')
    const map = new Map<unknown, unknown>()
    for (let i = 1; i < tree.length; i += 2) map.set(this.#value(tree[i]), this.#value(tree[i + 1]))
    return map
  }

  #error(tree: readonly unknown[]): Error {
    const ErrorClass = ERROR_CLASSES.get(text(tree[1]))
    if (ErrorClass === undefined || tree.length % 3 !== 2)
      throw new Error('The tree holds an error that no writer writes')
    const error = new ErrorClass()
    for (const name of Object.getOwnPropertyNames(error)) Reflect.deleteProperty(error, name)
    for (let i = 2; i < tree.length; i += 3)
      define(error, this.#text(tree[i]), this.#value(tree[i + 2]), tree[i + 1] === true)
    return error
  }

  #typedArray(tree: readonly unknown[]): NodeJS.TypedArray {
    const TypedArrayClass = TYPED_ARRAY_CLASSES.get(text(tree[1]))
    if (TypedArrayClass === undefined) throw new Error('The tree holds an unknown kind of typed array')
    return new TypedArrayClass(this.#take(tree[2]))
  }

  #properties(tree: readonly unknown[]): object {
    if (tree.length % 2 !== 0) throw new Error('The tree holds an object whose last name has no value')
    const object = (tree[1] === true ? Object.create(null) : {}) as object
    for (let i = 2; i < tree.length; i += 2) define(object, this.#text(tree[i]), this.#value(tree[i + 1]), true)
    return object
  }

  #text(tree: unknown): string {
    return text(this.#value(tree))
  }

  #take(length: unknown): ArrayBuffer {
    const start = this.#taken
    const end = start + number(length)
    if (!Number.isSafeInteger(end) || end < start || end > this.#binary.length) {
      throw new Error('The tree refers to binary data that is not there')
    }
    this.#taken = end
    const copy = new Uint8Array(end - start)
    copy.set(this.#binary.subarray(start, end))
    return copy.buffer
  }
}

function define(object: object, name: string, value: unknown, enumerable: boolean): void {
  if (name === '__proto__') throw new Error('The tree holds a property named __proto__')
  Object.defineProperty(object, name, { value, enumerable, writable: true, configurable: true })
}

function number(tree: unknown): number {
  if (typeof tree !== 'number') throw new Error('The tree holds no number where there must be one')
  return tree
}

function notFinite(name: string): number {
  const value = Number(name)
  if (Number.isFinite(value)) throw new Error('The tree holds a finite number where there must be none')
  return value
}

function text(tree: unknown): string {
  if (typeof tree !== 'string') throw new Error('The tree holds no text where there must be one')
  return tree
}

function bigint(isNegative: unknown, digits: unknown): bigint {
  if (!/^[\da-f]+$/.test(text(digits))) throw new Error('The tree holds a bigint that is not in hexadecimal digits')
  const magnitude = BigInt(`0x${text(digits)}`)
  return isNegative === true ? -magnitude : magnitude
}

function regExp(source: string, flags: string, lastIndex: number): RegExp {
  const value = new RegExp(source, flags)
  value.lastIndex = lastIndex
  return value
}
