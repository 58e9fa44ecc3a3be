// What an application exports: its own declarations are made of what `keyedcache` gives, without a type annotation.
import {
  cached,
  CachedObject,
  cacheFunction,
  caches,
  configure,
  createKeyedCache,
  keyedcache,
  keyedcacheAdmin,
  NotCachedError,
  type KeyedCacheOptions,
} from 'keyedcache'

export const middleware = keyedcache()
export const dashboard = keyedcacheAdmin({ isStaff: (req) => req.ip === '127.0.0.1' })

export const options = { ttl: '5m', near: true } satisfies KeyedCacheOptions
export const cache = createKeyedCache(options)
export const configured = configure({ caches: { default: options } })
export const other = caches('default')
export const scope = cache.scope('tenant', 7)
export const all = { middleware, dashboard, cache, other, scope }

export const nearest = cacheFunction({ ttl: 60 })(async (lat: number, lon: number) => ({ lat, lon }))
export const wrapped = cache.wrap((id: string) => id.length, { name: 'wrapped' })
export const computed = (id: string) => cache.getOrSet(id, ({ signal, stale }) => ({ signal, stale }))

export const looked = async () => ({
  stats: await cache.stats(),
  entry: await cache.entry('key'),
  keys: await cache.keys('key'),
  children: await cache.children('key'),
  computing: await cache.computing(),
})

class Named {
  label = ''
}

export class Product extends CachedObject(Named, { ttl: 60 }) {
  readonly id = 1
}
export const Mixed = CachedObject()
export const found = () => Product.findCached(1, () => new Product())

export class Weather {
  readonly cacheId = 'here'

  @cached({ ttl: 60 })
  async forecast(days: number) {
    return [days]
  }
}

export const missing = (error: unknown) => (error instanceof NotCachedError ? error : undefined)
