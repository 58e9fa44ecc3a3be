import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type LongWay, startLongWay } from '../../../support/far-away.js'
import { freshPrefix } from '../../../support/both-stores.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'
import { opening } from '../../../support/told-of.js'

/** What a cache that nobody uses sends to a server by itself, with some room. */
const MOST_A_SECOND = 60
const FOR_MS = 2000

let server: RedisServer
const ways: LongWay[] = []
beforeAll(async () => {
  server = await startRedis()
})
afterEach(async () => {
  await Promise.all(ways.splice(0).map((way) => way.close()))
})
afterAll(() => server.close())
const open = opening()

/** What a user may do, and what then fails again and again. */
const RIGHTS: readonly (readonly string[])[] = [
  ['-@all'],
  ['-@all', '+eval', '+evalsha', '+time'],
  ['-hget'],
  ['-hsetnx'],
  ['-dbsize', '-scan'],
  ['-scan', '-zadd'],
  ['-zadd'],
  ['-set'],
  ['-info'],
  ['-zrange'],
  ['-eval', '-evalsha'],
  ['-subscribe'],
  ['-client'],
  ['-ping'],
  ['resetchannels'],
  ['resetkeys'],
]

describe('A cache never repeats without a pause what Redis refuses', () => {
  test('whatever its user may not do', async () => {
    const caches = await Promise.all(
      [...RIGHTS, ...RIGHTS].map(async (rights, i) => {
        const near = i < RIGHTS.length
        const way = await startLongWay(server.port)
        ways.push(way)
        // An entry without an index, so that the index is rebuilt.
        const keyPrefix = freshPrefix()
        await server.client().set(`${keyPrefix}:v:a`, 'x')
        await server.client().acl('SETUSER', `user${i}`, 'reset', 'on', '>password', '~*', '&*', '+@all', ...rights)
        const { port } = way
        open({ host: '127.0.0.1', port, username: `user${i}`, password: 'password' }, { keyPrefix, near })
        return { way, what: `${rights.join(' ')}${near ? ', near' : ''}` }
      }),
    )
    await delay(FOR_MS)
    expectFew(caches.map(({ way, what }) => [what, way.commands]))
  })

  test('not even everything', async () => {
    const sockets: Socket[] = []
    const answers = [
      '-ERR no\r\n',
      '-LOADING no\r\n',
      '-CLUSTERDOWN no\r\n',
      '-OOM no\r\n',
      '-MOVED 1 127.0.0.1:1\r\n',
      '$-1\r\n',
    ]
    const counts = await Promise.all(
      answers.map(async (answer) => {
        let commands = 0
        const fake = createServer((socket) => {
          sockets.push(socket.setNoDelay().on('error', () => {}))
          socket.on('data', (sent) => {
            for (const [, name = ''] of sent.toString().matchAll(/^\*\d+\r\n\$\d+\r\n(\w+)\r\n/gm)) {
              commands++
              // What it takes until ioredis sends anything else. No other answer to SUBSCRIBE than Redis' own is survived by ioredis.
              if (name === 'hello' || name === 'subscribe') socket.write('-ERR unknown command HELLO\r\n')
              else socket.write(name === 'info' || name === 'client' ? '+OK\r\n' : answer)
            }
          })
        }).listen(0, '127.0.0.1')
        await once(fake, 'listening')
        open({ host: '127.0.0.1', port: (fake.address() as { port: number }).port })
        await delay(FOR_MS)
        fake.close()
        return [answer, commands] as const
      }),
    )
    for (const socket of sockets) socket.destroy()
    expectFew(counts)
  })
})

function expectFew(counts: readonly (readonly [what: string, commands: number])[]): void {
  const rates = counts.map(([what, commands]) => [what, commands / (FOR_MS / 1000)] as const)
  expect(rates.filter(([, aSecond]) => aSecond === 0 || aSecond > MOST_A_SECOND)).toEqual([])
}
