import { types } from 'node:util'
import { classOf, isBuiltIn, isPlainPrototype } from './built-in.js'
import { isWellFormed, MAX_LEVELS } from './plain-value.js'
import { show } from './show.js'
import { ERROR_CLASSES, Tag, TYPED_ARRAY_CLASSES } from './tag.js'

/** A name, an index, or what makes the path of the member from that of its container. */
type Step = string | number | symbol | ((path: string) => string)

const HIDDEN_OF_ERRORS: ReadonlySet<string | symbol> = new Set(['message', 'stack', 'cause', 'errors', 'name'])

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u

/** Turns one value into a tree of what JSON can hold, and the binary data that the tree refers to, in its order. */
export class TaggedWriter {
  readonly binary: Uint8Array[] = []
  readonly #path: Step[] = []
  readonly #ancestors: object[] = []

  /** The tree of a value. @throws {TypeError} naming the path of what cannot be stored. */
  write(value: unknown): unknown {
    switch (typeof value) {
      case 'number':
        return Number.isFinite(value) ? value : [Tag.number, String(value)]
      case 'boolean':
        return value
      case 'undefined':
        return [Tag.undefined]
      case 'bigint':
        return [Tag.bigint, value < 0n, (value < 0n ? -value : value).toString(16)]
      case 'string':
        return this.#text(value)
      case 'object':
        return value === null ? null : this.#object(value)
      case 'function':
      case 'symbol':
        break
    }
    return this.#refuse(value, `a ${typeof value}`)
  }

  #text(text: string): unknown {
    return isWellFormed(text) ? text : this.#refuse(text, 'text with a lone surrogate')
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
    if (types.isPromise(value)) return this.#refuse(value, 'a promise (is an `await` missing?)')
    return this.#refuse(value, `an instance of ${name || 'a class'}`)
  }

  #container(value: object, write: () => unknown): unknown {
    if (this.#ancestors.includes(value)) this.#refuse(value, 'a cycle')
    if (this.#ancestors.length === MAX_LEVELS) this.#refuse(value, `deeper than ${MAX_LEVELS} levels`)
    this.#ancestors.push(value)
    const tree = write()
    this.#ancestors.pop()
    return tree
  }

  #date(date: Date): unknown[] {
    this.#refuseProperties(date)
    return [Tag.date, this.write(date.getTime())]
  }

  #regExp(regExp: RegExp): unknown[] {
    const [, beside] = Reflect.ownKeys(regExp)
    if (beside !== undefined) this.#refuse(Reflect.get(regExp, beside), 'a property of a RegExp', beside)
    const lastIndex: unknown = regExp.lastIndex
    if (typeof lastIndex !== 'number') this.#refuse(lastIndex, 'not a number', 'lastIndex')
    return [Tag.regExp, this.#text(regExp.source), regExp.flags, this.write(lastIndex)]
  }

  #arrayBuffer(buffer: ArrayBuffer): unknown[] {
    this.#refuseProperties(buffer)
    return this.#bytes([Tag.arrayBuffer], new Uint8Array(buffer))
  }

  #bytes(head: unknown[], bytes: Uint8Array): unknown[] {
    this.binary.push(bytes)
    return [...head, bytes.length]
  }

  #view(view: ArrayBufferView): unknown[] {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    if (Object.getPrototypeOf(view) === Buffer.prototype) return this.#bytes([Tag.buffer], bytes)
    const name = classOf(view)
    if (TYPED_ARRAY_CLASSES.has(name) && isBuiltIn(view, name)) return this.#bytes([Tag.typedArray, name], bytes)
    return this.#refuse(view, `an instance of ${name || 'a class'}`)
  }

  #array(array: readonly unknown[]): unknown[] {
    const tree: unknown[] = [Tag.array]
    for (let i = 0; i < array.length; i++) {
      if (!Object.hasOwn(array, i)) this.#refuse(undefined, 'a hole in an array', i)
      tree.push(this.#at(i, array[i]))
    }
    // Property names come in the order: indices, `length`, other names, symbols.
    const beside = Reflect.ownKeys(array)[array.length + 1]
    if (beside !== undefined)
      this.#refuse(Reflect.get(array, beside), 'a property beside the items of an array', beside)
    return tree
  }

  #map(map: ReadonlyMap<unknown, unknown>): unknown[] {
    this.#refuseProperties(map)
    const tree: unknown[] = [Tag.map]
    let i = 0
    for (const [key, value] of map) {
      const place = i++
      tree.push(
        this.#at((path) => `[...${path}.keys()][${place}]`, key),
        this.#at((path) => `${path}.get(${show(key)})`, value),
      )
    }
    return tree
  }

  #set(set: ReadonlySet<unknown>): unknown[] {
    this.#refuseProperties(set)
    const tree: unknown[] = [Tag.set]
    let i = 0
    for (const member of set) {
      const place = i++
      tree.push(this.#at((path) => `[...${path}][${place}]`, member))
    }
    return tree
  }

  #error(error: Error): unknown[] {
    const tree: unknown[] = [Tag.error, classOf(error)]
    for (const name of Reflect.ownKeys(error)) {
      const enumerable = Object.prototype.propertyIsEnumerable.call(error, name)
      // What else is hidden in an error belongs to who made it: Node keeps functions and symbols there.
      if (!enumerable && !HIDDEN_OF_ERRORS.has(name)) continue
      const value: unknown = Reflect.get(error, name)
      // A host's `Error.prepareStackTrace` may have made something else of it.
      if (name === 'stack' && typeof value !== 'string') continue
      tree.push(this.#name(name, error), enumerable, this.#at(name, value))
    }
    return tree
  }

  #properties(object: object): unknown {
    const names = Object.keys(object)
    if (names.length !== Reflect.ownKeys(object).length) this.#refuseHidden(object)
    if (Object.getPrototypeOf(object) === null || !names.every(isWellFormed)) return this.#pairs(object, names)
    const tree: Record<string, unknown> = {}
    for (const name of names) tree[this.#name(name, object) as string] = this.#at(name, Reflect.get(object, name))
    return tree
  }

  #pairs(object: object, names: readonly string[]): unknown[] {
    const tree: unknown[] = [Tag.object, Object.getPrototypeOf(object) === null]
    for (const name of names) tree.push(this.#name(name, object), this.#at(name, Reflect.get(object, name)))
    return tree
  }

  #refuseHidden(object: object): void {
    for (const name of Reflect.ownKeys(object)) {
      const value: unknown = Reflect.get(object, name)
      if (typeof name === 'symbol') this.#refuse(value, 'a property named by a symbol', name)
      if (!Object.prototype.propertyIsEnumerable.call(object, name))
        this.#refuse(value, 'a property that is not enumerable', name)
    }
  }

  #name(name: string | symbol, owner: object): unknown {
    if (typeof name === 'symbol') return this.#refuse(Reflect.get(owner, name), 'a property named by a symbol', name)
    if (name === '__proto__') return this.#refuse(Reflect.get(owner, name), 'an own property named __proto__', name)
    if (!isWellFormed(name))
      return this.#refuse(Reflect.get(owner, name), 'a property whose name has a lone surrogate', name)
    return this.#text(name)
  }

  #refuseProperties(container: object): void {
    const [name] = Reflect.ownKeys(container)
    if (name !== undefined) this.#refuse(Reflect.get(container, name), `a property of a ${classOf(container)}`, name)
  }

  #at(step: Step, value: unknown): unknown {
    this.#path.push(step)
    const tree = this.write(value)
    this.#path.pop()
    return tree
  }

  #refuse(value: unknown, what: string, step?: Step): never {
    const steps = step === undefined ? this.#path : [...this.#path, step]
    const path = steps.reduce(extend, 'value')
    throw new TypeError(`Expected \`${path}\` to be something that can be stored, got ${show(value)}: ${what}`)
  }
}

function extend(path: string, step: Step): string {
  if (typeof step === 'function') return step(path)
  if (typeof step === 'string') return IDENTIFIER.test(step) ? `${path}.${step}` : `${path}[${JSON.stringify(step)}]`
  return `${path}[${String(step)}]`
}
