import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Redis, type RedisOptions } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { KeyedCacheOptions } from '../../../../src/cache/create-keyed-cache.js'
import { ENDED, NO_TLS, NOT_READY, NOT_SERVING } from '../../../../src/stores/redis/reasons/attempts.js'
import { ChangedAnswer } from '../../../../src/stores/redis/reasons/changed-answer.js'
import { CURES, CUT, cureOf } from '../../../../src/stores/redis/reasons/cure.js'
import { LateAnswer } from '../../../../src/stores/redis/reasons/late-answer.js'
import { CacheNotRespondingError } from '../../../../src/contract/errors.js'
import { startLongWay } from '../../../support/far-away.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { opening, type Telling } from '../../../support/told-of.js'
import { until } from '../../../support/until.js'

const SECRET = 'hunter2-canary'
const TLS_PORT = 25_000 + Math.floor(Math.random() * 3000)
const file = (name: string): string => fileURLToPath(new URL(`../../../support/tls/${name}`, import.meta.url))
const CA = readFileSync(file('ca.crt'))

let server: RedisServer
let node: RedisServer
beforeAll(async () => {
  const tls = ['--tls-port', `${TLS_PORT}`, '--tls-auth-clients', 'no']
  const certificate = ['--tls-cert-file', file('server.crt'), '--tls-key-file', file('server.key')]
  const started = [
    startRedis({ args: [...tls, ...certificate, '--enable-debug-command', 'yes'] }),
    startRedis({ args: ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf'] }),
  ] as const
  ;[server, node] = await Promise.all(started)
  await node.client().cluster('ADDSLOTSRANGE', 0, 16_383)
  await until(
    async () => /cluster_state:ok/.test(await node.client().cluster('INFO')),
    'the Cluster of one node is ready',
  )
  // With names of others in it, no index is begun there, so nothing but the probe finds that this is a Cluster.
  await node.client().set('of somebody else', 1)
  await server.client().acl('SETUSER', 'locked', 'on', `>${SECRET}`, '~*', '&*', '+@all')
})
afterAll(async () => {
  await Promise.all([server.close(), node.close()])
})
const open = opening()

const host = '127.0.0.1'

/** What a cache says of its Redis once the reason is known, wherever it says so. */
async function told({ cache, lines, states }: Telling, reason: RegExp): Promise<string> {
  await until(() => reason.test(cache.backend.error ?? ''), `the reason is ${reason}`).catch((error: unknown) => {
    throw new Error(`The reason is ${cache.backend.error}`, { cause: error })
  })
  await until(() => states.length > 0, 'the state is told')
  // Between two attempts to connect there may be another reason for a moment.
  const refused = await until(async () => {
    const error = await cache.delete('a').catch((thrown: unknown) => thrown as CacheNotRespondingError)
    expect(error).toBeInstanceOf(CacheNotRespondingError)
    return error instanceof Error && error.cause instanceof Error && reason.test(error.cause.message)
      ? error
      : undefined
  }, 'a call rejects with the reason')
  const { backend } = await cache.stats()
  expect(backend.up).toBe(false)
  expect(states[0]?.up).toBe(false)
  expect(String(states[0]?.error)).toMatch(reason)
  expect(lines[0]).toMatch(reason)
  const all = [refused?.message, ...lines, JSON.stringify(backend), JSON.stringify(states)].join('\n')
  expect(all).not.toContain(SECRET)
  return `${backend.error}`
}

describe('Why Redis does not answer is said with what to do about it', () => {
  test('as a place for it is wrong in each way', async () => {
    const places: readonly (readonly [what: string, redis: KeyedCacheOptions['redis'], reason: RegExp])[] = [
      ['nothing listens', `redis://user:${SECRET}@127.0.0.1:1`, /ECONNREFUSED.*start Redis/],
      ['the host has no address', `redis://:${SECRET}@nowhere.invalid`, /ENOTFOUND nowhere.invalid.*DNS/],
      ['there is no such socket', { path: '/nowhere/redis.sock' }, /ENOENT.*look at the path.*`unixsocket`/],
      [
        'the password is wrong',
        `redis://locked:${SECRET}x@127.0.0.1:${server.port}`,
        /WRONGPASS.*user or the password/,
      ],
      ['TLS to a port without', `rediss://:${SECRET}@localhost:${server.port}`, /write redis: in place of rediss:/],
      ['no TLS to a port with', `redis://:${SECRET}@localhost:${TLS_PORT}`, /write rediss:/],
      ['nobody vouches for the certificate', `rediss://localhost:${TLS_PORT}`, /tls: \{ ca \}/],
      ['the certificate is for another name', { host, port: TLS_PORT, tls: { ca: CA } }, /another name.*servername/],
      ['one URL of a Cluster', node.url, /this is a node of a Cluster: give its URLs as a list: \['redis:/],
      ['a list of a server by itself', [server.url], /this is no Cluster: give one URL/],
      ['no node of a Cluster', [`redis://:${SECRET}@127.0.0.1:1`, `redis://127.0.0.1:2`], /ECONNREFUSED.*start Redis/],
      ['TLS to a Cluster without', [node.url.replace('redis:', 'rediss:')], /write redis: in place of rediss:/],
      ['no Sentinel', { sentinels: [{ host, port: 1 }], name: 'shop' }, /no Sentinel.*`sentinels` and `name`/],
    ]
    await Promise.all(
      places.map(async ([what, redis, reason]) => {
        await told(open(redis), reason).catch((error: unknown) => {
          throw new Error(what, { cause: error })
        })
      }),
    )
  })

  test('Redis asks for a password', async () => {
    await server.client().config('SET', 'requirepass', SECRET)
    try {
      await told(open(server.url), /NOAUTH.*the URL or the option `password`/)
      await told(open([server.url]), /NOAUTH.*the URL or the option `password`/)
    } finally {
      await server.client().call('AUTH', SECRET)
      await server.client().config('SET', 'requirepass', '')
    }
  })

  test('a replica', async () => {
    const replica = await startRedis()
    try {
      await replica.client().call('REPLICAOF', host, '1')
      await told(open(replica.url), /READONLY.*give the address of its master/)
      await replica.client().config('SET', 'replica-serve-stale-data', 'no')
      await told(open(replica.url), /MASTERDOWN.*address of the master/)
    } finally {
      await replica.close()
    }
  })

  test('a Cluster that does not serve all slots', async () => {
    await node.client().cluster('DELSLOTS', 7)
    try {
      await told(open([node.url]), /does not serve all slots.*redis-cli --cluster check/)
    } finally {
      await node.client().cluster('ADDSLOTS', 7)
    }
  })

  test('Redis loads its data', async () => {
    const admin = server.client()
    await admin.mset(...Array.from({ length: 500 }, (_, i) => [`load${i}`, randomBytes(500)]).flat())
    await admin.config('SET', 'key-load-delay', 10_000, 'loading-process-events-interval-bytes', 1024)
    const loading = admin.call('DEBUG', 'RELOAD')
    await told(open(server.url), /loading its data, and is used as soon as it has done so/)
    // The other connection waits for its own command.
    const other = new Redis(server.url, { enableReadyCheck: false })
    await other.config('SET', 'key-load-delay', 0)
    other.disconnect()
    await loading
    await admin.flushall()
  })

  test('a user without the rights', async () => {
    await server.client().acl('SETUSER', 'poor', 'on', `>${SECRET}`, '~*', '&*', '+@all', '-hget')
    const { cache } = open(`redis://poor:${SECRET}@127.0.0.1:${server.port}`)
    await until(() => /NOPERM.*SECURITY\.md/.test(cache.backend.error ?? ''), 'the reason is known')
  })

  test('no room for a value is no outage, and is said where a call rejects', async () => {
    const { cache, errors } = open(server.url)
    await cache.require()
    await server.client().config('SET', 'maxmemory', 1)
    try {
      expect(await cache.set('a', 1)).toBe(false)
      await expect(cache.require()).rejects.toMatchObject({
        cause: { message: expect.stringMatching(/OOM.*`maxmemory`/) },
      })
      expect(String(errors[0]?.error)).toMatch(/OOM.*`maxmemory`/)
    } finally {
      await server.client().config('SET', 'maxmemory', 0)
    }
  })
})

/** What Redis answers where no server of a test can be brought to it, and a word of what is said then. */
const ANSWERS: readonly (readonly [answer: string, word: RegExp])[] = [
  ['DENIED Redis is running in protected mode because protected mode is enabled and no password is set', /`bind`/],
  ['ERR max number of clients reached', /`maxclients`/],
  ['LOADING Redis is loading the dataset in memory', /as soon as it has done so/],
  ['BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.', /SCRIPT KILL or FUNCTION/],
  [
    'MISCONF Redis is configured to save RDB snapshots, but it is currently not able to persist on disk.',
    /its own log/,
  ],
  ['NOREPLICAS Not enough good replicas to write.', /min-replicas-to-write/],
  ['CLUSTERDOWN Hash slot not served', /does not serve all slots/],
  ['MOVED 3999 127.0.0.1:6381', /give its URLs as a list/],
]

describe('An answer is told with what to do about it', () => {
  const fakes: { server: Server; sockets: Socket[] }[] = []
  afterEach(() => {
    for (const fake of fakes.splice(0)) {
      for (const socket of fake.sockets) socket.destroy()
      fake.server.close()
    }
  })

  async function answering(answer: string): Promise<string> {
    const sockets: Socket[] = []
    const fake = createServer((socket) => {
      sockets.push(socket.on('error', () => {}))
      socket.on('data', (sent) => {
        socket.write(answer.repeat(sent.toString().match(/^\*\d+\r$/gm)?.length ?? 0))
      })
    })
    fakes.push({ server: fake, sockets })
    fake.listen(0, host)
    await once(fake, 'listening')
    return `redis://${host}:${(fake.address() as { port: number }).port}`
  }

  test('each in its own words', async () => {
    await Promise.all(ANSWERS.map(async ([answer, word]) => told(open(await answering(`-${answer}\r\n`)), word)))
  })

  test('a port of something else', async () => {
    await told(open(await answering('HTTP/1.1 400 Bad Request\r\n\r\n')), /no Redis/)
  })

  test('a port that closes each connection', async () => {
    const closing = createServer((socket) => void socket.on('error', () => {}).destroy()).listen(0, host)
    fakes.push({ server: closing, sockets: [] })
    await once(closing, 'listening')
    const { port } = closing.address() as { port: number }
    await told(open({ host, port }), /speak TLS \(write rediss:\).*protected mode.*`maxclients`/)
  })
})

describe('A Redis that is far away', () => {
  test.each([0, 1])('is told of with what an answer takes and with the option to set, in database %i', async (db) => {
    const way = await startLongWay(server.port, 150)
    const redis = { host, port: way.port, db }
    try {
      const reason = await told(open(redis, { redisTimeout: '100ms' }), /`redisTimeout` \(100 ms\)/)
      const tookMs = Number(/takes (\d+) ms/.exec(reason)?.[1])
      expect(tookMs).toBeGreaterThanOrEqual(150)
      const { cache } = open(redis, { redisTimeout: '5s' })
      await until(() => cache.set('a', 1), 'with the option it is used')
      expect(cache.backend.error).toBeUndefined()
    } finally {
      await way.close()
    }
  })
})

describe('Where Redis is', () => {
  test.each<[redis: () => KeyedCacheOptions['redis'], address: () => string]>([
    [() => `redis://user:${SECRET}@localhost/3`, () => 'localhost:6379/3'],
    [() => `redis://user:${SECRET}@[::1]:1`, () => '[::1]:1/0'],
    [() => ({ port: server.port }), () => `localhost:${server.port}/0`],
    [() => ({ path: '/run/redis.sock', password: SECRET }), () => '/run/redis.sock'],
    [
      () => [`rediss://user:${SECRET}@a.invalid:1`, `rediss://user:${SECRET}@b.invalid`],
      () => 'a.invalid:1, b.invalid:6379',
    ],
    [
      () => ({ sentinels: [{ host: 'a', port: 1 }, { host: 'b' }], name: 'shop', sentinelPassword: SECRET }),
      () => 'shop (Sentinels a:1, b:26379)',
    ],
  ])('is said without credentials', (redis, address) => {
    expect(open(redis()).cache.backend.address).toBe(address())
  })

  test('is said of a client that was given, and of none for the embedded store', async () => {
    const client = new Redis({ port: server.port, db: 2, password: SECRET, lazyConnect: true } satisfies RedisOptions)
    client.on('error', () => {})
    expect(open(client).cache.backend.address).toBe(`localhost:${server.port}/2`)
    client.disconnect()
    expect(open(undefined).cache.backend).toMatchObject({ address: undefined, error: undefined })
  })
})

describe('docs/troubleshooting.md', () => {
  const text = readFileSync(new URL('../../../../docs/troubleshooting.md', import.meta.url), 'utf8')
  const section = text.slice(text.indexOf('## Why Redis does not answer'), text.indexOf('## Warnings'))
  const signs = [...section.matchAll(/^\| (`.*?`) +\|/gm)].flatMap(([, cell = '']) =>
    Array.from(cell.matchAll(/`(.+?)`/g), ([, sign = '']) => sign),
  )
  /** What no error of Redis or Node says, but the cache itself. */
  const OWN = [
    NOT_READY,
    NOT_SERVING,
    NO_TLS,
    ENDED,
    CUT,
    'Redis did not select database 99',
    'the owner of the client has selected database 2 in place of 1: give the cache a client of its own',
    new LateAnswer(612, 250, undefined).message,
    new ChangedAnswer('GET').message,
    'no answer for 100 ms',
    'the connection was closed, since Redis was silent for too long',
  ]

  test('has every reason', () => {
    const known = new Set(signs.map((sign) => cureOf(sign, undefined)))
    expect(CURES.filter(([, cure]) => !known.has(cure))).toEqual([])
    expect(OWN.filter((own) => !signs.some((sign) => own.includes(sign)))).toEqual([])
  })

  test('has no other', () => {
    const isReason = (sign: string): boolean =>
      cureOf(sign, undefined) !== undefined || OWN.some((own) => own.includes(sign))
    expect(signs.length).toBeGreaterThan(30)
    expect(signs.filter((sign) => !isReason(sign))).toEqual([])
  })
})

describe('A client that was given', () => {
  test('and is closed, is told of', async () => {
    const client = new Redis(server.url)
    await client.ping()
    client.disconnect()
    await once(client, 'end')
    await told(open(client), /its client is closed and does not connect again/)
  })
})
