import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { runInNewContext } from 'node:vm'
import { cacheKey, createKeyedCache, NotCachedError, type KeyPart } from 'keyedcache'
import { afterAll, test } from './runner.js'
import { hasRedis, store } from './store.js'

const cache = createKeyedCache({ ...store, keyPrefix: 'values', near: hasRedis })
const compressing = createKeyedCache({ ...store, keyPrefix: 'compressed', compressAbove: 100 })
afterAll(async () => {
  await Promise.all([cache.close(), compressing.close()])
})

/** Values by the code that makes them, so that another realm can make them too. */
const VALUES = [
  "({ name: 'Ada', nested: { list: [1, 'two', null, true, { three: 3 }] } })",
  '[]',
  '({})',
  'Object.assign(Object.create(null), { a: 1, b: { c: 2 } })',
  "'text'",
  '1.5',
  'NaN',
  '-Infinity',
  '12345678901234567890n',
  'undefined',
  'null',
  'true',
  'new Date(1234567890123)',
  '/a+(b)?/giu',
  "new Error('failed')",
  "new Error('failed', { cause: new TypeError('because') })",
  "Object.assign(new RangeError('failed'), { code: 'E_CODE' })",
  "new AggregateError([new EvalError('one'), new SyntaxError('two')], 'many')",
  "new Map([['a', 1], [{ key: 1 }, new Map([[2, new Set([3])]])]])",
  'new Set([1, [2], { three: 3 }])',
  "Buffer.from('bytes')",
  'new Uint8Array([1, 2, 3]).buffer',
  ...['Int8', 'Uint8', 'Uint8Clamped', 'Int16', 'Uint16', 'Int32', 'Uint32', 'Float32', 'Float64'].map(
    (type) => `new ${type}Array([1, 2, 3])`,
  ),
  'new BigInt64Array([1n, -2n])',
  'new BigUint64Array([1n, 2n])',
  "({ when: new Date(0), of: [new Map([['k', Buffer.from('v')]]), new Error('inside'), undefined] })",
]

/** Keys that count by their content. */
const PARTS = [
  "[['a', [1, { b: 2 }]]]",
  '[{ b: 2, a: 1 }]',
  '[{ a: { c: 1 } }]',
  'new Date(1234567890123)',
  "[new URL('https://x.org/a b')]",
  "[new Map([['a', 1]])]",
  "[new Set(['a', 1])]",
  "[Buffer.from('bytes')]",
  '[new Uint8Array([1])]',
  '[new Float64Array([1])]',
  '[new Uint8Array([1]).buffer]',
  '[/a/g]',
  "[new Error('failed')]",
  '[new (class Point { constructor() { this.x = 1 } })()]',
]

/** Evaluates code where the tests run. */
const here = (code: string): unknown => new Function('Buffer', 'URL', `return ${code}`)(Buffer, URL) as unknown
/** Evaluates code in another realm. */
const elsewhere = (code: string): unknown => runInNewContext(code, { Buffer, URL }) as unknown

test('Values of every type come back as they went in', async () => {
  for (const [i, code] of VALUES.entries()) {
    const value = here(code)
    assert.equal(await cache.set(['value', i], value), true, code)
    for (const back of [await cache.get(['value', i]), await cache.getOrSet(['computed', i], () => value)]) {
      assert.deepEqual(back, value, code)
      if (value !== null && typeof value === 'object') {
        assert.equal(Object.getPrototypeOf(back), Object.getPrototypeOf(value), code)
      }
    }
    assert.deepEqual(await cache.getOrSet(['computed', i], () => 'computed again'), value, code)
  }
})

test('Values that were made in another realm come back as those of the test', async () => {
  for (const [i, code] of VALUES.entries()) {
    const value = elsewhere(code)
    assert.equal(await cache.set(['value', i], value), true, code)
    assert.deepEqual(await cache.get(['value', i]), here(code), code)
  }
  await cache.set('invalid', elsewhere('new Date(NaN)'))
  assert.equal(String(await cache.get('invalid')), 'Invalid Date')
  const cloned = structuredClone({ list: [new Map([['a', new Date(0)]]), new Set([1]), new Float32Array([1])] })
  await cache.set('cloned', cloned)
  assert.deepEqual(await cache.get('cloned'), {
    list: [new Map([['a', new Date(0)]]), new Set([1]), new Float32Array([1])],
  })
  const json: unknown = await new Response('{"list":[{"a":1}]}').json()
  await cache.set('json', json)
  assert.deepEqual(await cache.get('json'), { list: [{ a: 1 }] })
  const error: unknown = await readFile('/none/such').catch((reason: unknown) => reason)
  await cache.set('error', error)
  const back = await cache.get<NodeJS.ErrnoException>('error')
  assert.ok(back instanceof Error)
  assert.equal(back.code, 'ENOENT')
})

test('Values that cannot be stored are a TypeError of the test, which names them', async () => {
  class User {}
  for (const value of [() => 1, new User(), { user: new User() }, Promise.resolve(1), Symbol('s')]) {
    await assert.rejects(cache.set('bad', value), TypeError)
  }
  await assert.rejects(cache.set('bad', { user: new User() }), /`value\.user` is an instance of User/)
  await assert.rejects(cache.get('none'), NotCachedError)
})

test('Keys are the same in every realm', () => {
  for (const code of PARTS) {
    const keys = [here(code), elsewhere(code)].map((part) => cacheKey('of', part as KeyPart))
    assert.equal(keys[0], keys[1], code)
  }
  assert.equal(cacheKey('test', 3, { more: 'yes', a: 1n }), 'test::3::a::1::more::yes')
  assert.equal(
    cacheKey(new Date(0), null, true, -0),
    '1970-01-01T00%3A00%3A00.000Z::null::true::0'.replaceAll('%3A', ':'),
  )
  assert.equal(cacheKey(new URL('https://x.org/')), 'https://x.org/')
  assert.throws(() => cacheKey(undefined as unknown as string), TypeError)
  assert.throws(() => cacheKey(new Date(NaN)), TypeError)
})

test('Errors that a factory gives or throws are those that callers see', async () => {
  const missing = (): Promise<unknown> => readFile('/none/such')
  await assert.rejects(cache.getOrSet('fails', missing), { code: 'ENOENT' })
  const reason = (await missing().catch((error: unknown) => error)) as Error
  await assert.rejects(
    cache.getOrSetMany(['many::1'], () => [reason]),
    { code: 'ENOENT' },
  )
  const { signal } = new AbortController()
  assert.equal(await cache.getOrSet('signal', () => 1, { signal }), 1)
  await assert.rejects(
    cache.getOrSet('aborted', () => new Promise(() => {}), { signal: AbortSignal.abort() }),
    { name: 'AbortError' },
  )
})

test('Large values are compressed', async () => {
  for (const text of ['x'.repeat(1000), 'y'.repeat(200_000)]) {
    assert.equal(await compressing.set('large', text), true)
    assert.equal(await compressing.get('large'), text)
    assert.equal(await compressing.getOrSet(['computed', text.length], () => text), text)
    assert.ok(((await compressing.entry('large'))?.size ?? Infinity) < text.length / 2)
  }
})
