import { types } from 'node:util'
import { classOf, isBuiltIn, isPlainPrototype } from '../checks/built-in.js'
import { instanceOf, kindOf } from '../checks/kind.js'
import { MAX_LEVELS } from './plain-value.js'
import { oneLine } from '../checks/one-line.js'
import { showScalar } from '../checks/show-scalar.js'
import { ERROR_CLASSES, TypeTag, TYPED_ARRAY_CLASSES } from './type-tags.js'

/** One step of a path: a name, an index, or a function that makes the path of the member from that of its container. */
type Step = string | number | symbol | ((path: string) => string)

const HIDDEN_OF_ERRORS: ReadonlySet<string | symbol> = new Set(['message', 'stack', 'cause', 'errors', 'name'])

const STORE_INSTEAD =
  'store a plain object (`{ ...user }`; `structuredClone(user)` where it holds others) or use CachedObject'
const STORE_AS_JSON =
  'store what JSON makes of it (`JSON.parse(JSON.stringify(row))`), or give the cache a `serializer` that knows'

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u

/** Turns one value into a tree that JSON can hold, and the binary data that the tree refers to, in the tree's order. */
export class TaggedWriter {
  readonly binary: Uint8Array[] = []
  readonly #path: Step[] = []
  readonly #ancestors: object[] = []

  /** The tree of a value. @throws {TypeError} naming the path of what cannot be stored. */
  write(value: unknown): unknown {
    switch (typeof value) {
      case 'number':
        return Number.isFinite(value) ? value : [TypeTag.number, String(value)]
      case 'boolean':
      case 'string':
        return value
      case 'undefined':
        return [TypeTag.undefined]
      case 'bigint':
        return [TypeTag.bigint, value < 0n, (value < 0n ? -value : value).toString(16)]
      case 'object':
        return value === null ? null : this.#object(value)
      case 'function':
      case 'symbol':
        break
    }
    return this.#refuse(kindOf(value))
  }

  #object(value: object): unknown {
    if (isPlainPrototype(Object.getPrototypeOf(value))) return this.#container(value, () => this.#properties(value))
    if (Array.isArray(value) && isBuiltIn(value, 'Array')) return this.#container(value, () => this.#array(value))
    if (types.isDate(value) && isBuiltIn(value, 'Date')) return this.#date(value)
    if (types.isMap(value) && isBuiltIn(value, 'Map')) return this.#container(value, () => this.#map(value))
    if (types.isSet(value) && isBuiltIn(value, 'Set')) return this.#container(value, () => this.#set(value))
    if (ArrayBuffer.isView(value)) return this.#view(value)
    if (types.isArrayBuffer(value) && isBuiltIn(value, 'ArrayBuffer')) return this.#arrayBuffer(value)
    if (types.isRegExp(value) && isBuiltIn(value, 'RegExp')) return this.#regExp(value)
    const name = classOf(value)
    if (types.isNativeError(value) && ERROR_CLASSES.has(name) && isBuiltIn(value, name)) {
      return this.#container(value, () => this.#error(value))
    }
    if (types.isPromise(value)) return this.#refuse(kindOf(value), undefined, 'is an `await` missing?')
    return this.#refuse(instanceOf(value), undefined, remedyFor(value, name))
  }

  #container(value: object, write: () => unknown): unknown {
    if (this.#ancestors.includes(value)) this.#refuse('a cycle')
    if (this.#ancestors.length === MAX_LEVELS) this.#refuse(`deeper than ${MAX_LEVELS} levels`)
    this.#ancestors.push(value)
    const tree = write()
    this.#ancestors.pop()
    return tree
  }

  #date(date: Date): unknown[] {
    this.#refuseProperties(date)
    return [TypeTag.date, this.write(date.getTime())]
  }

  #regExp(regExp: RegExp): unknown[] {
    const [, beside] = Reflect.ownKeys(regExp)
    if (beside !== undefined) this.#refuse('a property of a RegExp', beside)
    const lastIndex: unknown = regExp.lastIndex
    if (typeof lastIndex !== 'number') this.#refuse('not a number', 'lastIndex')
    return [TypeTag.regExp, regExp.source, regExp.flags, this.write(lastIndex)]
  }

  #arrayBuffer(buffer: ArrayBuffer): unknown[] {
    this.#refuseProperties(buffer)
    return this.#bytes([TypeTag.arrayBuffer], new Uint8Array(buffer))
  }

  #bytes(head: unknown[], bytes: Uint8Array): unknown[] {
    this.binary.push(bytes)
    return [...head, bytes.length]
  }

  #view(view: ArrayBufferView): unknown[] {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    if (Object.getPrototypeOf(view) === Buffer.prototype) return this.#bytes([TypeTag.buffer], bytes)
    const name = classOf(view)
    if (TYPED_ARRAY_CLASSES.has(name) && isBuiltIn(view, name)) return this.#bytes([TypeTag.typedArray, name], bytes)
    return this.#refuse(instanceOf(view))
  }

  #array(array: readonly unknown[]): unknown[] {
    const tree: unknown[] = [TypeTag.array]
    for (let i = 0; i < array.length; i++) {
      if (!Object.hasOwn(array, i)) this.#refuse('a hole in an array', i)
      tree.push(this.#at(i, array[i]))
    }
    // `ownKeys` gives indices, `length`, other names, symbols, in this order.
    const beside = Reflect.ownKeys(array)[array.length + 1]
    if (beside !== undefined) this.#refuse('a property beside the items of an array', beside)
    return tree
  }

  #map(map: ReadonlyMap<unknown, unknown>): unknown[] {
    this.#refuseProperties(map)
    const tree: unknown[] = [TypeTag.map]
    let i = 0
    for (const [key, value] of map) {
      const place = i++
      tree.push(
        this.#at((path) => `[...${path}.keys()][${place}]`, key),
        this.#at((path) => valueInMap(path, key, place), value),
      )
    }
    return tree
  }

  #set(set: ReadonlySet<unknown>): unknown[] {
    this.#refuseProperties(set)
    const tree: unknown[] = [TypeTag.set]
    let i = 0
    for (const member of set) {
      const place = i++
      tree.push(this.#at((path) => `[...${path}][${place}]`, member))
    }
    return tree
  }

  #error(error: Error): unknown[] {
    const tree: unknown[] = [TypeTag.error, classOf(error)]
    for (const name of Reflect.ownKeys(error)) {
      const enumerable = Object.prototype.propertyIsEnumerable.call(error, name)
      // Other properties that are not enumerable are internal: Node keeps functions and symbols there.
      if (!enumerable && !HIDDEN_OF_ERRORS.has(name)) continue
      const value: unknown = Reflect.get(error, name)
      // A host's `Error.prepareStackTrace` may have turned the stack into something that is not text.
      if (name === 'stack' && typeof value !== 'string') continue
      tree.push(this.#name(name), enumerable, this.#at(name, value))
    }
    return tree
  }

  #properties(object: object): unknown {
    const names = Object.keys(object)
    if (names.length !== Reflect.ownKeys(object).length) this.#refuseHidden(object)
    if (Object.getPrototypeOf(object) === null) return this.#pairs(object, names)
    const tree: Record<string, unknown> = {}
    for (const name of names) tree[this.#name(name) as string] = this.#at(name, Reflect.get(object, name))
    return tree
  }

  #pairs(object: object, names: readonly string[]): unknown[] {
    const tree: unknown[] = [TypeTag.object, Object.getPrototypeOf(object) === null]
    for (const name of names) tree.push(this.#name(name), this.#at(name, Reflect.get(object, name)))
    return tree
  }

  #refuseHidden(object: object): void {
    for (const name of Reflect.ownKeys(object)) {
      if (typeof name === 'symbol') this.#refuse('a property named by a symbol', name)
      if (!Object.prototype.propertyIsEnumerable.call(object, name))
        this.#refuse('a property that is not enumerable', name)
    }
  }

  #name(name: string | symbol): unknown {
    if (typeof name === 'symbol') return this.#refuse('a property named by a symbol', name)
    if (name === '__proto__') return this.#refuse('an own property named __proto__', name)
    return name
  }

  #refuseProperties(container: object): void {
    const [name] = Reflect.ownKeys(container)
    if (name !== undefined) this.#refuse(`a property of a ${classOf(container)}`, name)
  }

  #at(step: Step, value: unknown): unknown {
    this.#path.push(step)
    const tree = this.write(value)
    this.#path.pop()
    return tree
  }

  /** The error names the place and the kind of what is there, and shows nothing of its content. */
  #refuse(what: string, step?: Step, remedy?: string): never {
    const steps = step === undefined ? this.#path : [...this.#path, step]
    const path = steps.reduce(extend, 'value')
    throw new TypeError(`\`${path}\` is ${what}, which cannot be stored${remedy === undefined ? '' : `: ${remedy}`}`)
  }
}

/** What to store in place of an instance. Nothing helps with those of global classes. */
function remedyFor(value: object, name: string): string | undefined {
  if (isOfGlobalClass(value, name)) return undefined
  return hasToJson(value) ? `${STORE_AS_JSON} ${oneLine(name) || 'its class'}` : STORE_INSTEAD
}

/** Whether JSON asks the value itself, as it does decimals, ids and rows of many databases. Looking may run code of the value, which may throw. */
function hasToJson(value: object): boolean {
  try {
    return typeof (value as { toJSON?: unknown }).toJSON === 'function'
  } catch {
    return false
  }
}

/** Whether the class is a global one, not the user's own. */
function isOfGlobalClass(value: object, name: string): boolean {
  const known: unknown = Reflect.get(globalThis, name)
  return typeof known === 'function' && known.prototype === Object.getPrototypeOf(value)
}

function valueInMap(path: string, key: unknown, place: number): string {
  const isObject = (typeof key === 'object' && key !== null) || typeof key === 'function'
  return isObject ? `[...${path}.values()][${place}]` : `${path}.get(${showScalar(key)})`
}

function extend(path: string, step: Step): string {
  if (typeof step === 'function') return step(path)
  if (typeof step === 'string') return IDENTIFIER.test(step) ? `${path}.${step}` : `${path}[${JSON.stringify(step)}]`
  return `${path}[${String(step)}]`
}
