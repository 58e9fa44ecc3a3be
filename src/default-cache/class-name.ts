import { isMinified, MAY_BE_BUNDLED, MAY_BE_READ } from '../cache/bundled-names.js'
import type { ClaimedNames } from '../cache/claimed-names.js'
import { quoted } from '../checks/one-line.js'
import { show } from '../checks/show.js'

type Class = abstract new (...args: any[]) => object

/** What the keys of a cached class begin with. @throws {TypeError} when the class has no name. */
export function className(type: unknown): string {
  const { cacheName } = type as { readonly cacheName?: unknown }
  if (typeof cacheName === 'string' && cacheName !== '') return cacheName
  throw new TypeError(
    `Expected the cached class to have a name, or a static \`cacheName\` that is text, got ${show(cacheName)}. If it has a name in your code, ${MAY_BE_BUNDLED}`,
  )
}

/**
 * Claims the name of a class in a cache, so that no other class reads what it stores. A `cacheName` that is assigned is claimed by the class
 * that has it, for all that are derived of that. Warns of names such as minifiers make.
 * @throws {Error} when another class has the name.
 */
export function claimClassName(type: Class, names: ClaimedNames): void {
  const name = className(type)
  const naming = assigning(type)
  if (!names.claim(name, naming ?? type) || naming !== undefined || !isMinified(name)) return
  process.emitWarning(
    `A cached class is called ${quoted(name)}, ${MAY_BE_READ}. Give it a name that stays, as in \`static cacheName = 'Product'\``,
    { code: 'KEYEDCACHE_CLASS_NAME' },
  )
}

/** The class that has `cacheName` assigned; `undefined` where a getter gives it, as that of the name of the class does. */
function assigning(type: Class): Class | undefined {
  for (let at = type; typeof at === 'function'; at = Object.getPrototypeOf(at) as Class) {
    const property = Object.getOwnPropertyDescriptor(at, 'cacheName')
    if (property !== undefined) return 'value' in property ? at : undefined
  }
  return undefined
}
