const BUILDS = { 0.1: '../upgrade/keyedcache-0.1.0.mjs', now: '../../dist/cache/create-keyed-cache.js' }

let cache

/** Makes the cache of this process from a build; it answers when the promise resolves. */
export async function open(build, options) {
  const { createKeyedCache } = await import(BUILDS[build])
  cache = createKeyedCache(options)
  await cache.require()
}

/** Begins to compute a key, and never ends. */
export async function hang(key) {
  await new Promise((begun) => {
    const never = () => {
      begun()
      return new Promise(() => {})
    }
    cache.getOrSet(key, never).catch(() => {})
  })
}
