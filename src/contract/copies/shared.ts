import { AsyncLocalStorage } from 'node:async_hooks'
import { types } from 'node:util'
import { VERSION } from './version.js'

/**
 * What all copies of one minor version in this process have together. There are copies where the package is loaded as ESM and as CommonJS, or
 * is installed twice.
 *
 * Between the patch versions of one minor version nothing in here is added, removed or changed. The same goes for what copies ask of each
 * other's objects: caches (`StoreBackedCache`, its `events` and names; `Neighbour` and what `Place` keeps), requests (`RequestCache`,
 * `RequestContext`, `RequestMemory`, `Remembered`) and computations (`FactoryLink`). A patch version may add members to those, and asks for them in its own objects alone.
 */
export interface Shared {
  /** Of the copy that was loaded first. */
  readonly version: string
  /** The configured caches by alias, once there are some. */
  caches: ReadonlyMap<string, object> | undefined
  defaultAlias: string
  /** Which request the running code works for. */
  readonly requests: AsyncLocalStorage<object>
  /** Which computation the running code is a part of. */
  readonly computations: AsyncLocalStorage<object>
  /** What the open caches of one place in Redis have together, by the name of the place. */
  readonly places: Map<string, object>
  /** The caches whose writes requests are told of. */
  readonly watchedCaches: WeakSet<object>
  /** The cached function of a function in the default cache. A cached function of any cache is its own. */
  readonly cachedFunctions: WeakMap<object, object>
  /** The methods under `@cached` that have the names of their classes. */
  readonly methodsNamedByClass: WeakSet<object>
}

const PACKAGE = 'keyedcache@'
const VERSIONS = /^(\d+\.\d+)\.\d[\w.+-]{0,40}$/

/** What copies of this minor version call what they share. */
export const SHARED_NAME: string = PACKAGE + minorOf(VERSION)

/** What this copy shares with others. */
export const shared: Shared = share(Symbol.for(SHARED_NAME))

function share(place: symbol): Shared {
  if (Object.hasOwn(globalThis, place)) {
    const there = valueAt(place)
    if (isShared(there)) return there
    warn(
      `globalThis has something else under Symbol.for('${SHARED_NAME}'), so this copy of keyedcache shares nothing with others: find out what put it there`,
    )
  }
  const made: Shared = {
    version: VERSION,
    caches: undefined,
    defaultAlias: 'default',
    requests: new AsyncLocalStorage(),
    computations: new AsyncLocalStorage(),
    places: new Map(),
    watchedCaches: new WeakSet(),
    cachedFunctions: new WeakMap(),
    methodsNamedByClass: new WeakSet(),
  }
  const others = otherVersions()
  if (others.length > 0) {
    const versions = [...others, VERSION].join(' and ')
    warn(
      `keyedcache ${versions} are loaded in one process and share nothing: no default cache, no request and no name. Install one version for all, as \`npm ls keyedcache\` and \`npm dedupe\` help to do`,
    )
  }
  // Nobody is there to share with where globalThis is frozen, or something else has the place.
  if (!Object.hasOwn(globalThis, place)) Reflect.defineProperty(globalThis, place, { value: made, configurable: true })
  return made
}

/** The versions of copies that do not share with this one. */
function otherVersions(): string[] {
  return Object.getOwnPropertySymbols(globalThis).flatMap((place) => {
    const { version } = Object(valueAt(place)) as Partial<Shared>
    const isCopy = isVersion(version) && Symbol.keyFor(place) === PACKAGE + minorOf(version)
    return isCopy && minorOf(version) !== minorOf(VERSION) ? [version] : []
  })
}

/** What a property of `globalThis` holds, where it is there without code that runs. */
function valueAt(place: symbol): unknown {
  return Object.getOwnPropertyDescriptor(globalThis, place)?.value
}

function isShared(value: unknown): value is Shared {
  const { version, caches, defaultAlias, ...kept } = Object(value) as Partial<Shared>
  return (
    isVersion(version) &&
    minorOf(version) === minorOf(VERSION) &&
    (caches === undefined || types.isMap(caches)) &&
    typeof defaultAlias === 'string' &&
    kept.requests instanceof AsyncLocalStorage &&
    kept.computations instanceof AsyncLocalStorage &&
    types.isMap(kept.places) &&
    types.isWeakSet(kept.watchedCaches) &&
    types.isWeakMap(kept.cachedFunctions) &&
    types.isWeakSet(kept.methodsNamedByClass)
  )
}

function isVersion(version: unknown): version is string {
  return typeof version === 'string' && VERSIONS.test(version)
}

function minorOf(version: string): string {
  return VERSIONS.exec(version)?.[1] as string
}

function warn(message: string): void {
  process.emitWarning(message, { code: 'KEYEDCACHE_COPIES' })
}
