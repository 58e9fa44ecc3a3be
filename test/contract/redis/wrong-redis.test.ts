import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { until } from '../../support/until.js'
import { createKeyedCache } from '../../../src/cache/create-keyed-cache.js'

const SECRET = 'hunter2'

/** As node-redis makes them: commands, and no `status`. */
class NodeRedis extends EventEmitter {
  isOpen = true
  isReady = true
  commandOptions = {}
  async connect(): Promise<this> {
    return this
  }
  async sendCommand(): Promise<null> {
    return null
  }
}
class Upstash {
  client = {}
  opts = { url: 'https://example.upstash.io', token: SECRET }
  async get(): Promise<null> {
    return null
  }
}
class GlideClient {
  socket = {}
  config = { addresses: [{ host: 'a', port: 1 }] }
}
class Settings {
  readonly #host = 'a'
  get host(): string {
    return this.#host
  }
}
const at = (more: object): object => ({ host: 'nowhere.invalid', ...more })

/** What is given as `redis`, and what must be said: what was given, and what is to be written. */
const WRONG: readonly [what: string, redis: unknown, said: string][] = [
  // Clients of other libraries, and what is no client yet.
  ['a client of node-redis', new NodeRedis(), 'got an instance of NodeRedis: of another library give the URL, or make a client of ioredis'],
  ['a client of @upstash/redis', new Upstash(), 'got an instance of Upstash: of another library give the URL'],
  ['a client of valkey-glide', new GlideClient(), 'got an instance of GlideClient: of another library give the URL'],
  ['an instance without options of its own', new Settings(), 'to say by `host`, `path` or `sentinels` where Redis is, got an instance of Settings'],
  ['functions in an object', { get: async () => null, set: async () => null }, 'got { get, set }: of another library give the URL'],
  ['a pipeline', new Redis({ lazyConnect: true }).pipeline(), 'got an instance of Pipeline: of another library'],
  ['a promise of a client', Promise.resolve({ password: SECRET }), 'got a promise: wait for it with `await`'],
  ['another kind of promise', new (class Later { then(): void {} })(), 'got an instance of Later: wait for it with `await`'], // oxlint-disable-line no-thenable
  ['a function', () => SECRET, 'got [Function: (anonymous)]: give what it makes'],
  ['the class of a client', Redis, 'got [class Redis]: give what it makes'],
  ['a URL object', new URL(`redis://:${SECRET}@a:1`), 'got an instance of URL: give its `href`'],
  ['a Map', new Map([['host', 'a']]), 'where Redis is, got an instance of Map'],
  ['a number', 6379, 'got 6379'],
  ['true', true, 'got true'],
  ['null', null, 'got null'],

  // Options as others write them.
  ['`url`', { url: `redis://me:${SECRET}@a` }, 'no option `url` of `redis`, got { url }: give the URL itself as `redis`'],
  ['`socket`', { socket: { host: 'a', port: 1 }, password: SECRET }, 'no option `socket` of `redis`, got { socket, password }: that is an option of node-redis: write its `host` and `port`'],
  ['`database`', at({ database: 1 }), 'no option `database` of `redis`, got { host, database }: write `db`'],
  ['`user`', at({ user: 'me' }), 'no option `user` of `redis`, got { host, user }: write `username`'],
  ['`pass`', at({ pass: SECRET }), 'no option `pass` of `redis`, got { host, pass }: write `password`'],
  ['`hostname`', { hostname: 'a' }, 'no option `hostname` of `redis`, got { hostname }: write `host`'],
  ['`ssl`', at({ ssl: true }), 'write `tls: {}`'],
  ['`prefix`', at({ prefix: 'a' }), 'write `keyPrefix`'],
  ['`nodes`', { nodes: ['redis://a'] }, 'for a Cluster give a list of URLs as `redis`'],
  ['`redisOptions`', at({ redisOptions: { password: SECRET } }), 'that is an option of a Cluster: make a `Cluster` of ioredis with it'],
  ['`scaleReads`', at({ scaleReads: 'slave' }), 'that is an option of a Cluster'],
  ['`pasword`', at({ pasword: SECRET }), 'no option `pasword` of `redis`, got { host, pasword }: did you mean `password`?'],
  ['`hots`', { hots: 'a' }, 'did you mean `host`?'],
  ['`retryStategy`', at({ retryStategy: null }), 'did you mean `retryStrategy`?'],
  ['`legacyMode`', at({ legacyMode: true }), 'no option `legacyMode` of `redis`, got { host, legacyMode }: ioredis knows no such option'],
  ['`__proto__`', JSON.parse('{"host":"a","__proto__":{}}'), 'no option `__proto__` of `redis`'],

  // Options that do not say where.
  ['no options', {}, 'to say by `host`, `path` or `sentinels` where Redis is, got {}'],
  ['a password alone', { password: SECRET }, 'where Redis is, got { password }'],
  ['a host that is undefined', { host: undefined, port: 6379 }, 'got { host, port }, where that is undefined: set what it is read from'],
  ['a path that is undefined', { path: undefined }, 'got { path }, where that is undefined: set what it is read from'],

  // Options of ioredis with wrong values.
  ['an empty host', { host: '' }, "`host` of `redis` to be a name or an address without a port, and no URL, got ''"],
  ['a host with a port', { host: 'a:6379' }, "`host` of `redis` to be a name or an address without a port, and no URL, got 'a:6379'"],
  ['a URL as host', { host: `redis://me:${SECRET}@a` }, "`host` of `redis` to be a name or an address without a port, and no URL, got 'redis://…@a'"],
  ['a host in brackets', { host: '[::1]' }, "got '[::1]'"],
  ['a host that is null', { host: null }, '`host` of `redis` to be a name or an address without a port, and no URL, got null'],
  ['a port of 0', at({ port: 0 }), '`port` of `redis` to be a whole number from 1 to 65535, got 0'],
  ['a port that is too large', at({ port: 65_536 }), '`port` of `redis` to be a whole number from 1 to 65535, got 65536'],
  ['a port that is no number', at({ port: Number(undefined) }), '`port` of `redis` to be a whole number from 1 to 65535, got NaN'],
  ['a port of another text', at({ port: '6379/tcp' }), "`port` of `redis` to be a whole number from 1 to 65535, got '6379/tcp'"],
  ['an empty path', { path: ' ' }, "`path` of `redis` to be text that is not empty, got ' '"],
  ['a database that is text', at({ db: '1' }), "`db` of `redis` to be a whole number from 0, got '1': write 1"],
  ['a database by name', at({ db: 'cache' }), "`db` of `redis` to be a whole number from 0, got 'cache'"],
  ['a database below 0', at({ db: -1 }), '`db` of `redis` to be a whole number from 0, got -1'],
  ['a fraction of a database', at({ db: 1.5 }), '`db` of `redis` to be a whole number from 0, got 1.5'],
  ['a database that is no number', at({ db: Number.NaN }), '`db` of `redis` to be a whole number from 0, got NaN'],
  ['a database that is null', at({ db: null }), '`db` of `redis` to be a whole number from 0, got null'],
  ['a password that is a number', at({ password: 1234 }), '`password` of `redis` to be text, or null, got a number'],
  ['a family by name', at({ family: 'IPv4' }), "`family` of `redis` to be 4, 6 or 0, got 'IPv4'"],
  ['`tls` as text', at({ tls: 'false' }), '`tls` of `redis` to be an object of options for `tls.connect`, true or false, got text'],
  ['`protocol` as text', at({ protocol: '3' }), "`protocol` of `redis` to be 2 or 3, got '3': write 3"],
  ['a switch as text', at({ lazyConnect: 'false' }), "`lazyConnect` of `redis` to be true or false, got 'false': write false"],
  ['a time as text', at({ commandTimeout: '5s' }), "`commandTimeout` of `redis` to be a number of milliseconds, got '5s'"],
  ['a time without end', at({ connectTimeout: Infinity }), '`connectTimeout` of `redis` to be a number of milliseconds, got Infinity'],
  ['a time below 0', at({ socketTimeout: -1 }), '`socketTimeout` of `redis` to be a number of milliseconds, got -1'],
  ['`keepAlive: true`', at({ keepAlive: true }), '`keepAlive` of `redis` to be a number of milliseconds, got true'],
  ['retries as text', at({ maxRetriesPerRequest: 'null' }), "`maxRetriesPerRequest` of `redis` to be a whole number from 0, or null, got 'null'"],
  ['`retryStrategy: 100`', at({ retryStrategy: 100 }), '`retryStrategy` of `redis` to be a function, or null, got 100'],
  ['`reconnectOnError: true`', at({ reconnectOnError: true }), '`reconnectOnError` of `redis` to be a function, or null, got true'],
  ['`readOnly: true`', at({ readOnly: true }), '`readOnly` of `redis` to be false, since a cache writes, got true'],
  ['`stringNumbers: true`', at({ stringNumbers: true }), '`stringNumbers` of `redis` to be false, since the cache counts by the numbers it gets, got true'],
  ['`monitor: true`', at({ monitor: true }), '`monitor` of `redis` to be false'],
  ["`replyMapping: 'resp3'`", at({ replyMapping: 'resp3' }), "`replyMapping` of `redis` to be 'legacy'"],

  // Sentinels.
  ['no Sentinel', { sentinels: [], name: 'mymaster' }, '`sentinels` of `redis` to list at least one Sentinel, got []'],
  ['Sentinels as text', { sentinels: 'a:26379', name: 'mymaster' }, "`sentinels` of `redis` to be a list, or null, got 'a:26379'"],
  ['Sentinels as URLs', { sentinels: ['redis://a:26379'], name: 'mymaster' }, "`sentinels[0]` to be like { host: 'a', port: 26379 }, got 'redis://a:26379'"],
  ['a Sentinel without a host', { sentinels: [{ host: 'a' }, { port: 26_379 }], name: 'mymaster' }, "`sentinels[1]` to be like { host: 'a', port: 26379 }, got { port }"],
  ['a password of each Sentinel', { sentinels: [{ host: 'a', password: SECRET }], name: 'mymaster' }, 'Expected `sentinels[0]` to have host, port and family alone, got { host, password }'],
  ['Sentinels without a name', { sentinels: [{ host: 'a' }] }, '`name` of `redis` to be what the Sentinels call the Redis'],
  ["`role: 'slave'`", { sentinels: [{ host: 'a' }], name: 'mymaster', role: 'slave' }, "`role` of `redis` to be 'master', since a cache writes"],

  // URLs.
  ['empty text', '', 'got text that is empty: say where Redis is'],
  ['white space', ' \n', 'got text that is empty: say where Redis is'],
  ['a host alone', 'localhost', 'got text without `redis://` in front: write redis://host:6379'],
  ['a host and a port', `me:${SECRET}@localhost:6379`, 'got text without `redis://` in front: write redis://host:6379'],
  ['redis: without //', 'redis:localhost:6379', 'got text without `redis://` in front: write redis://host:6379'],
  ['options as JSON', JSON.stringify({ host: 'a', password: SECRET }), 'got text without `redis://` in front'],
  ['a URL in quotes', `"redis://:${SECRET}@a"`, 'got text in quotes: leave the quotes out'],
  ['a URL over two lines', `redis://a\n:6379`, 'got text with a tab or a line break: write one URL'],
  ['a URL of HTTP', `https://:${SECRET}@example.upstash.io`, 'got text of another kind, https://: that speaks HTTP; give the address where Redis itself listens'],
  ['a URL for Sentinels', `redis+sentinel://:${SECRET}@a/mymaster`, "got text of another kind, redis+sentinel://: for Sentinels give options, { sentinels: [{ host: 'a', port: 26379 }], name: 'mymaster' }"],
  ['a URL of another server', `valkeys://:${SECRET}@a`, 'got text of another kind, valkeys://: write redis://host:6379, or rediss:// for TLS'],
  ['another URL of a socket', 'redis+unix:///run/redis.sock', 'got text of another kind, redis+unix://: write unix:/run/redis.sock'],
  ['a path', '/run/redis.sock', 'got a path: write unix:/run/redis.sock'],
  ['unix: with a host', 'unix://run/redis.sock', 'got unix: without a path: write unix:/run/redis.sock'],
  ['unix: with a folder', 'unix:/run/', 'got unix: without a path: write unix:/run/redis.sock'],
  ['no host', 'redis://', 'got a URL without a host: write redis://host:6379'],
  ['no host before a database', 'redis:///1', 'got a URL without a host: write redis://host:6379'],
  ['a host with a space', 'redis://my host:6379', 'got a URL that cannot be read: its port is from 1 to 65535, and in a password write / ? # @ % as %2F %3F %23 %40 %25'],
  ['a port in words', 'redis://a:port', 'got a URL that cannot be read: its port is from 1 to 65535'],
  ['a port that is too large, in a URL', 'redis://a:65536', 'got a URL that cannot be read: its port is from 1 to 65535'],
  ['a port of 0, in a URL', 'redis://a:0', 'got a URL with port 0: write its port, such as 6379'],
  ['a password with a slash', `redis://me:12/${SECRET}@a:6379`, 'got a URL with a `#`, or with an `@` behind its host: in a password write /'],
  ['a password with a question mark', `redis://me:12?${SECRET}@a:6379`, 'got a URL with a `#`, or with an `@` behind its host'],
  ['a password with a hash sign', `redis://me:12#${SECRET}@a:6379`, 'got a URL with a `#`, or with an `@` behind its host'],
  ['a password with a percent sign', `redis://me:50%${SECRET}@a`, 'got a URL whose user or password has a `%` that stands for nothing: write it as %25'],
  ['a database by name, in a URL', 'redis://a/cache', 'got a URL whose database cache is no number: write redis://host:6379/0'],
  ['a database below 0, in a URL', 'redis://a/-1', 'got a URL whose database -1 is no number'],
  ['a fraction of a database, in a URL', 'redis://a/1.5', 'got a URL whose database 1.5 is no number'],
  ['a database and a key', 'redis://a/1/key', 'got a URL whose database 1/key is no number'],
  ['a database by name, behind the ?', 'redis://a?db=cache', "`db` of the URL to be a whole number from 0, got 'cache'"],
  ['two databases', 'redis://a/1?db=2', 'got a URL with two settings for `db`: leave out one of them'],
  ['a setting of another library', 'rediss://a?ssl_cert_reqs=none', 'no setting `ssl_cert_reqs` behind the `?` of the URL: ioredis knows no such option'],
  ['a setting that is no text', 'redis://a?tls=true', 'no setting `tls` behind the `?` of the URL'],
  ['a setting with a wrong value', 'redis://a?connectTimeout=soon', "`connectTimeout` of the URL to be a number of milliseconds, got 'soon'"],

  // A Cluster.
  ['an empty list', [], 'Expected `redis` to list URLs like redis://host:6379 of the nodes of one Cluster, got []'],
  ['a list of options', [{ host: 'a', password: SECRET }], 'Expected `redis` to list URLs like redis://host:6379 of the nodes of one Cluster, got [ an object ]: write each as a URL'],
  ['a list with undefined', ['redis://a', undefined], "got [ 'redis://a', undefined ]: write each as a URL"],
  ['a list with an empty text', ['redis://a', ''], 'to list URLs like redis://host:6379 of the nodes of one Cluster, got text that is empty'],
  ['URLs in one text', `redis://:${SECRET}@a:1,redis://b:2`, 'got several URLs in one text: for a Cluster give a list of URLs'],
  ['redis: and rediss: together', ['rediss://a', 'redis://b'], 'got redis:// and rediss:// together: write one of them in all URLs'],
  ['other passwords', [`redis://:${SECRET}@a`, `redis://:${SECRET}${SECRET}@b`], 'got different ones of `password`: what the first URL says holds for all nodes'],
  ['a password in the second URL alone', ['redis://a', `redis://:${SECRET}@b`], 'got different ones of `username`: what the first URL says'],
  ['a database of a Cluster', ['redis://a/1'], 'got the database 1: a Cluster has database 0 alone'],
  ['a socket in a Cluster', ['unix:/run/redis.sock'], 'got one of unix: among them: a Cluster is reached by hosts and ports'],
] // prettier-ignore

/** Options of a cache that are those of its `redis`, and a client that takes no commands. */
const ELSEWHERE = [
  { host: 'a' },
  new Redis({ lazyConnect: true }),
  { redis: new Redis({ lazyConnect: true, monitor: true }) },
]

/** How often anything was connected, to whatever: over TCP, TLS or a socket in the file system. */
let connections = 0
const { connect } = Socket.prototype // eslint-disable-line @typescript-eslint/unbound-method -- it is called with `this`
beforeAll(() => {
  Socket.prototype.connect = function (this: Socket, ...to: unknown[]): Socket {
    connections++
    return Reflect.apply(connect, this, to) as Socket
  }
})
afterAll(() => {
  Socket.prototype.connect = connect
})
beforeEach(() => (connections = 0))

describe('A wrong `redis`', () => {
  test.each(WRONG)('is a TypeError at once, and nothing is connected: %s', async (_what, redis, said) => {
    const create = (): unknown => createKeyedCache({ redis: redis as never, keyPrefix: 'a' })
    expect(create).toThrow(TypeError)
    expect(create).toThrow(said)
    const whole = inspect(thrownBy(create), { depth: 20, showHidden: true, getters: true })
    expect(whole).not.toContain(SECRET)
    await turn()
    expect(connections).toBe(0)
  })
})

describe('A `redis` that is right', () => {
  test('is connected at once, so the tests above would see it', async () => {
    await using cache = createKeyedCache({ redis: 'redis://127.0.0.1:1', keyPrefix: 'a', logger: QUIET })
    expect(cache.enabled).toBe(true)
    await until(() => connections > 0, 'it is connected')
  })
})

describe('“Where Redis is” in docs/troubleshooting.md', () => {
  const page = readFileSync(new URL('../../../docs/troubleshooting.md', import.meta.url), 'utf8')
  const [, table = ''] = /^## Where Redis is\n(.*?)^## /ms.exec(page) ?? []
  const rows = [...table.matchAll(/^\| `(.+?)` +\|/gm)].map(([, said = '']) => said)
  const says = (message: string, row: string): boolean =>
    new RegExp(row.split('…').map(escaped).join('.*')).test(message.replaceAll('`', ''))
  const messages = [...WRONG.map(([, redis]) => ({ redis })), ...ELSEWHERE].map(
    (options) => (thrownBy(() => createKeyedCache(options as object)) as Error).message,
  )

  test('has a row for each of these errors', () => {
    expect(messages.filter((message) => !rows.some((row) => says(message, row)))).toEqual([])
  })

  test('has no row for an error that there is not', () => {
    expect(rows.length).toBeGreaterThan(20)
    expect(rows.filter((row) => !messages.some((message) => says(message, row)))).toEqual([])
  })
})

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}

const QUIET = { info: () => {}, warn: () => {}, error: () => {} }

function thrownBy(create: () => unknown): unknown {
  try {
    return create()
  } catch (error) {
    return error
  }
}
