import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { type Installed, install } from './install.js'

const run = promisify(execFile)

/** How it is minified, and whether names stay. */
const WAYS: [how: string, keeps: boolean][] = [
  ['esbuild --minify', false],
  ['esbuild --minify --keep-names', true],
  ['esbuild --minify, file by file', false],
  ['webpack', false],
  ['webpack, each module by itself', false],
  ['swc, file by file', false],
]

/** What a class, method or function of one file gave. */
interface Told {
  readonly who: string
  readonly kind: 'object' | 'method' | 'function'
  readonly name: string
  readonly value?: string
  readonly error?: string
}

interface Deploy {
  readonly told: readonly Told[]
  /** The warnings of class names. */
  readonly warned: readonly string[]
}

let installed: Installed
let redis: RedisServer

beforeAll(async () => {
  ;[installed, redis] = await Promise.all([install('names', 'minify.mjs'), startRedis()])
}, 300_000)

afterAll(async () => {
  await Promise.all([redis.close(), installed.remove()])
})

/** Minifies and runs two deploys, one after the other, on one Redis. */
async function deploys(how: string, isNamed: boolean): Promise<Deploy[]> {
  const keyPrefix = `${how} ${isNamed}`.replaceAll(/\W+/g, '-')
  const all: Deploy[] = []
  for (const deploy of ['first', 'second']) {
    const folder = join(installed.folder, `${keyPrefix}-${deploy}`)
    const env = { ...process.env, NODE_ENV: 'production', REDIS_URL: redis.url, KEYEDCACHE_KEY_PREFIX: keyPrefix }
    await mkdir(folder)
    await run(process.execPath, ['minify.mjs', how, deploy, folder], {
      cwd: installed.folder,
      env: { ...process.env, NAMED: isNamed ? 'yes' : '' },
    })
    all.push(JSON.parse((await run(process.execPath, [join(folder, 'main.mjs')], { env })).stdout) as Deploy)
  }
  return all
}

describe.each(WAYS)('Minified by %s, in two deploys on one Redis', (how, keeps) => {
  it('classes, methods and functions that have a name of their own share nothing', async () => {
    for (const { told, warned } of await deploys(how, true)) {
      expect(told).toHaveLength(6)
      expect(told.filter(({ who, value }) => value !== who)).toEqual([])
      expect(warned).toEqual([])
    }
  }, 120_000)

  it(`those without one ${keeps ? 'keep their names' : 'are refused (functions) or warned of (classes)'}, and share nothing in one build`, async () => {
    const [first, second] = (await deploys(how, false)) as [Deploy, Deploy]
    for (const { told, warned } of [first, second]) {
      expect(told).toHaveLength(6)
      expect(told.filter(({ name }) => name.length > 2)).toHaveLength(keeps ? 6 : 0)
      for (const { kind, name, error } of told.filter((each) => each.name.length <= 2)) {
        if (kind === 'function') expect(error).toMatch(/^A function (called|without).*`name`.*bundler/)
        else expect(warned).toContainEqual(expect.stringContaining(`called ${JSON.stringify(name)}, as minifiers`))
      }
    }
    // Later deploys may read what others have stored, of which they are warned. The first has nothing but its own.
    for (const { who, value, error = '' } of first.told) {
      if (value === undefined) expect(error).toMatch(/bundler/)
      else expect(value).toBe(who)
    }
    if (keeps) expect(second.told.filter(({ who, value }) => value !== who)).toEqual([])
  }, 120_000)
})
