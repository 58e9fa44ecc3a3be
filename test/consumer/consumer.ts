import express, { type Request } from 'express'
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import {
  cached,
  CachedObject,
  cacheDelete,
  cacheDeleteFunction,
  cacheFunction,
  cacheGet,
  cacheKey,
  cacheSet,
  caches,
  configure,
  createKeyedCache,
  keyedcache,
  keyedcacheAdmin,
  NotCachedError,
  type Cache,
  type CachedFunction,
  type CacheStats,
  type Key,
  type KeyedCache,
  type RequestScopedCache,
  type KeyedCacheOptions,
  type RedisAddress,
  type RedisClient,
  type RedisClientOptions,
  type Serializer,
  type Ttl,
} from 'keyedcache'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only when both types are the same. */
function same<A, B>(_: Same<A, B>): void {}

interface City {
  name: string
  population: number
}

declare function loadCity(id: string): Promise<City>

const options: KeyedCacheOptions = { redis: new Redis(), keyPrefix: 'shop', ttl: '5m', maxValueBytes: 100_000 }
const cache: KeyedCache = createKeyedCache(options)

/** All that a Redis can be given as. */
export function redisGiven(ofApplication: RedisOptions): void {
  const client: RedisClient = new Cluster([{ host: 'a', port: 6379 }], { scaleReads: 'master' })
  const ours: RedisClientOptions = { host: 'redis', port: 6379, db: 1, tls: {}, maxRetriesPerRequest: null }
  const sentinels = { sentinels: [{ host: 'a', port: 26379 }], name: 'mymaster' }
  const all: RedisAddress[] = [client, new Redis(), ofApplication, ours, sentinels, 'redis://redis', ['redis://a']]
  for (const redis of all) createKeyedCache({ redis })
  createKeyedCache({ redis: { retryStrategy: (times) => times * 50, reconnectOnError: null, lazyConnect: true } })
  // @ts-expect-error a host is text
  createKeyedCache({ redis: { host: 1 } })
  // @ts-expect-error there is no such option
  createKeyedCache({ redis: { hots: 'redis' } })
  // @ts-expect-error a URL is given as text
  createKeyedCache({ redis: new URL('redis://redis') })
  // @ts-expect-error a client is not given as a promise
  createKeyedCache({ redis: Promise.resolve(new Redis()) })
}

export async function reading(): Promise<void> {
  const keys: Key[] = ['product::1', ['product', 1n, null, new Date(0)], { product: 1, more: true }]
  same<string, ReturnType<typeof cache.key>>(true)

  const unknownValue = await cache.get('city')
  same<unknown, typeof unknownValue>(true)
  const value = await cache.get<City>(['city', 1])
  same<City, typeof value>(true)
  const orNull = await cache.get<City>('city', { default: null })
  same<City | null, typeof orNull>(true)
  const orUndefined = await cache.get<City>('city', { default: undefined })
  same<City | undefined, typeof orUndefined>(true)
  const count = await cache.get('count', { default: 0 })
  same<number, typeof count>(true)
  const cityOrText = await cache.get<City, string>('city', { default: 'none' })
  same<City | string, typeof cityOrText>(true)

  const many = await cache.getMany<City>(keys)
  same<(City | undefined)[], typeof many>(true)
  const manyOrNull = await cache.getMany<City, null>(keys, { default: null })
  same<(City | null)[], typeof manyOrNull>(true)

  const computed = await cache.getOrSet(['city', 1], async ({ signal, setTtl, stale }) => {
    setTtl('1h')
    return signal.aborted || stale ? undefined : loadCity('1')
  })
  same<City | undefined, typeof computed>(true)
  const cities = await cache.getOrSetMany(['1', '2'], async (ids) => Promise.all(ids.map((id) => loadCity(id))))
  same<City[], typeof cities>(true)

  // @ts-expect-error a symbol is no key
  await cache.set(Symbol('key'), 1)
  // @ts-expect-error a ttl is a number or text
  await cache.set('key', 1, { ttl: true })
}

export async function writing(ttl: Ttl): Promise<void> {
  const stored: boolean = await cache.set('city', { name: 'Praha' }, { ttl, grace: 10, tags: ['cities'] })
  await cache.setMany(new Map([['a', 1]]), { ttl: 1 })
  const removed: string[] = await cache.delete('city', { children: true })
  const scope: Cache = cache.scope('tenant', 7)
  await scope.set('x', stored && removed)
  const stats: CacheStats = await cache.stats()
  same<number | null, typeof stats.hitRate>(true)
  cache.on('hit', ({ key, savedMs }) => key.length + savedMs)
  try {
    await cacheGet('nothing')
  } catch (error) {
    if (error instanceof NotCachedError) same<string, typeof error.key>(true)
  }
  await cacheSet({ product: 1 }, 1, { ttl: 3600 })
  await cacheDelete('product', { children: true })
}

export async function functions(): Promise<void> {
  async function nearest(lat: number, lon: number): Promise<City> {
    return loadCity(`${lat},${lon}`)
  }
  const one = cacheFunction({ ttl: 60 })(nearest)
  same<Promise<City>, ReturnType<typeof one>>(true)
  same<[lat: number, lon: number], Parameters<typeof one.key>>(true)
  const other: CachedFunction<typeof nearest> = cacheFunction(60)(nearest)
  const forgotten: number = await cacheDeleteFunction(nearest)
  await other.delete(forgotten, 2)
  // @ts-expect-error a latitude is a number
  await one('50', 14)

  async function generic<T extends object>(value: T): Promise<T[]> {
    return [value]
  }
  const wrapped = cache.wrap(generic)
  const list = await wrapped({ a: 1 })
  same<{ a: number }[], typeof list>(true)

  function overloaded(value: string): Promise<string>
  function overloaded(value: number): Promise<number>
  async function overloaded(value: string | number): Promise<string | number> {
    return value
  }
  const both = cache.wrap(overloaded, { ttl: 1 })
  const text = await both('a')
  same<string, typeof text>(true)
  const numeric = await both(1)
  same<number, typeof numeric>(true)

  function synchronous(a: number, b?: string): number {
    return a + (b?.length ?? 0)
  }
  const asynchronous = cache.wrap(synchronous, { name: 'sync', key: (a, b) => [a, b ?? ''] })
  same<Promise<number>, ReturnType<typeof asynchronous>>(true)
  const sum: number = await asynchronous(1)
  await asynchronous.refresh(sum, 'b')
  // @ts-expect-error a parameter without a type is checked
  cacheFunction({ name: 'untyped' })((id) => id.foo)
  // @ts-expect-error
  cache.wrap(async (id) => id.foo)
  const sync = cacheFunction(5)(synchronous)
  same<Promise<number>, ReturnType<typeof sync>>(true)
  const either = cache.wrap((id: string): City | Promise<City> => loadCity(id))
  same<Promise<City>, ReturnType<typeof either>>(true)
  const eitherHere = cacheFunction(5)((id: string): City | Promise<City> => loadCity(id))
  same<Promise<City>, ReturnType<typeof eitherHere>>(true)
}

class Named {
  readonly label: string

  constructor(label: string) {
    this.label = label
  }
}

class Product extends CachedObject(Named, { ttl: 60 }) {
  readonly id: number
  price = 1

  constructor(id: number, label: string) {
    super(label)
    this.id = id
  }
}

class Setting extends CachedObject() {
  id = 'theme'
}

class Weather {
  readonly cacheId = 'here'

  @cached({ ttl: 60 })
  async forecast(days: number): Promise<City[]> {
    return [await loadCity(`${days}`)]
  }

  @cached(60)
  static async stations(country: string): Promise<string[]> {
    return [country]
  }

  // @ts-expect-error what is cached gives a promise
  @cached(60)
  today(): number {
    return 1
  }
}

class Row extends CachedObject() {
  readonly id: number

  private constructor(id: number) {
    super()
    this.id = id
  }

  static make(id: number): Row {
    return new Row(id)
  }
}

/** A mixin and a factory that are exported have types that can be written down. */
export function Stamped<B extends abstract new (...args: any[]) => object>(Base: B) {
  abstract class StampedObject extends CachedObject(Base, { ttl: 60 }) {
    readonly at = new Date()
  }
  return StampedObject
}

export const settingClass = (ttl: number) =>
  class Setting extends CachedObject(undefined, { ttl }) {
    readonly id = 'theme'
  }

export const Record = CachedObject(Named)

export async function objects(): Promise<void> {
  const product = new Product(1, 'shoe')
  await product.cacheSet({ ttl: '1h' })
  const found = await Product.findCached(1, async () => new Product(1, 'shoe'))
  same<Product, typeof found>(true)
  const fromRow = await Row.findCached(1, async () => ({ id: 1, name: 'shoe' }))
  same<Row, typeof fromRow>(true)
  const orNull = await Row.findCached(1, async () => (product.price > 1 ? Row.make(1) : null))
  same<Row | null, typeof orNull>(true)
  class StampedRow extends Stamped(Named) {
    readonly id = 1
  }
  const stamped = await StampedRow.findCached(1, () => new StampedRow('a'))
  same<Date, typeof stamped.at>(true)
  const again = await product.cacheGet()
  same<Product, typeof again>(true)
  const key: string = product.cacheKey('prices')
  const gone: string[] = await product.cacheDelete()
  const isStored: boolean = await new Setting().isCached()
  const forecast = await new Weather().forecast(3)
  same<City[], typeof forecast>(true)
  const stations = await Weather.stations('CZ')
  same<string[], typeof stations>(true)
  await cacheSet([product, key, isStored], gone)
  cacheKey('SHIP', { weight: 1, country: 'CZ' })
}

const serializer: Serializer = {
  name: 'json',
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(bytes.toString()) as unknown,
}
configure({ caches: { default: {}, other: { serializer, logger: console } }, alias: 'other' })

const app = express()
app.use(keyedcache({ cache: caches('other') }))
app.use(
  '/cache',
  keyedcacheAdmin({ isStaff: async (req: Request) => req.ip === '127.0.0.1', readOnly: (req) => req.secure }),
)
app.get('/cities/:id', async (req, res) => {
  same<RequestScopedCache, typeof req.cache>(true)
  const view: Cache = req.cache
  same<KeyedCache, typeof req.cache.shared>(true)
  await view.delete('nothing')
  const city = await req.cache.getOrSet(['city', req.params.id], () => loadCity(req.params.id), { ttl: 300 })
  same<City, typeof city>(true)
  res.json(city)
})
