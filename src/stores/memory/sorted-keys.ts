import btree, { type ISortedMap } from 'sorted-btree'
import type { ChildPage, KeyPage } from '../../contract/inspected.js'
import { childRange, compareKeys } from '../../keys/key.js'
import { childPlace, childTowards, endOfGroup } from '../../keys/key-tree.js'

type BTreeClass = new (entries: undefined, compare: typeof compareKeys) => ISortedMap<string, undefined>

// Node gives the CommonJS module, whose `default` is the class. Bundlers and CommonJS transforms give the class itself.
const BTree = ((btree as { default?: unknown }).default ?? btree) as BTreeClass

/** Keys in the order of their UTF-8 bytes, to list, count and find those below another. */
export class SortedKeys {
  readonly #tree = new BTree(undefined, compareKeys)

  get size(): number {
    return this.#tree.size
  }

  add(key: string): void {
    this.#tree.set(key, undefined)
  }

  delete(key: string): void {
    this.#tree.delete(key)
  }

  /** All keys below that key. */
  below(key: string): string[] {
    const { from, to } = childRange(key)
    const keys: string[] = []
    this.#tree.forRange(from, to, false, (each) => {
      keys.push(each)
    })
    return keys
  }

  /** How many keys there are: that key and those below it (`undefined`: all). */
  count(under: string | undefined): number {
    if (under === undefined) return this.#tree.size
    return this.#countBelow(under) + (this.#tree.has(under) ? 1 : 0)
  }

  /** A page of that key and those below it, from the first after `after`. */
  page(under: string | undefined, after: string | undefined, limit: number): KeyPage {
    const keys: string[] = []
    if (under !== undefined && this.#tree.has(under) && (after === undefined || compareKeys(under, after) > 0)) {
      keys.push(under)
    }
    const range = under === undefined ? undefined : childRange(under)
    let next = this.#start(range?.from, after)
    while (next !== undefined && (range === undefined || compareKeys(next, range.to) < 0) && keys.length <= limit) {
      keys.push(next)
      next = this.#tree.nextHigherKey(next)
    }
    const more = keys.length > limit
    return { keys: keys.slice(0, limit), next: more ? keys[limit - 1] : undefined, total: this.count(under) }
  }

  /**
   * One level below a key, by skipping from group to group. The place of a child is its own key when it is a key, else that of its first
   * key below (`child::`). A group is not contiguous in byte order, because `p::1` < `p::10` < `p::1::x`.
   */
  children(under: string | undefined, after: string | undefined, limit: number): ChildPage {
    const range = under === undefined ? undefined : childRange(under)
    const children: ChildPage['children'] = []
    const groupEnd = after === undefined ? undefined : endOfGroup(after)
    // The caller gives the place, so it may lie before the first child.
    const isInside = groupEnd !== undefined && (range === undefined || compareKeys(groupEnd, range.from) > 0)
    let next = this.#start(isInside ? groupEnd : range?.from, groupEnd === undefined ? after : undefined)
    while (next !== undefined && (range === undefined || compareKeys(next, range.to) < 0) && children.length <= limit) {
      const child = childTowards(next, under)
      const isKey = this.#tree.has(child.key)
      if (next === child.key || !isKey) children.push({ ...child, isKey, count: this.#countBelow(child.key) })
      next = next === child.key ? this.#tree.nextHigherKey(next) : this.#atOrAfter(childRange(child.key).to)
    }
    const page = children.slice(0, limit)
    const last = page.at(-1)
    return { children: page, next: children.length > limit && last !== undefined ? childPlace(last) : undefined }
  }

  #countBelow(key: string): number {
    const { from, to } = childRange(key)
    return this.#tree.forRange(from, to, false)
  }

  #start(from: string | undefined, after: string | undefined): string | undefined {
    if (after !== undefined && (from === undefined || compareKeys(after, from) > 0))
      return this.#tree.nextHigherKey(after)
    return from === undefined ? this.#tree.minKey() : this.#atOrAfter(from)
  }

  #atOrAfter(key: string): string | undefined {
    return this.#tree.has(key) ? key : this.#tree.nextHigherKey(key)
  }
}
