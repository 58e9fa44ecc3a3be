import { createKeyedCache } from '../../dist/index.js'

let cache

/** Makes the cache of this process; it answers when the promise resolves. */
export async function open(options) {
  cache = createKeyedCache(options)
  await cache.require()
}

/** Calls a method of the cache. */
export async function call(method, ...args) {
  return cache[method](...args)
}

/** Reads a key through to a factory; says what it gave, and whether it was computed here. */
export async function compute(key, value) {
  let computed = false
  const found = await cache.getOrSet(key, () => {
    computed = true
    return value
  })
  return { found, computed }
}
