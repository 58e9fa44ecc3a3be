import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { codeBlocks } from '../support/code-blocks.js'
import { pack } from '../support/pack.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { startWorker, type Worker } from '../support/worker.js'

const run = promisify(execFile)
const HERE = import.meta.dirname
const PAGES = ['cache-manager', 'cacheable', 'bentocache', 'apicache', 'node-cache']
const PROGRAMS = readdirSync(join(HERE, 'calls')).map((file) => basename(file, '.mjs'))

let work: string
let redis: RedisServer

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'keyedcache-migration-'))
  redis = await startRedis()
  for (const file of ['package.json', 'package-lock.json', 'database.mjs']) await cp(join(HERE, file), join(work, file))
  await cp(join(HERE, 'calls'), work, { recursive: true })
  await npm('ci')
  await npm('install', '--no-save', (await pack(work)).tarball)
}, 180_000)

afterAll(async () => {
  await redis.close()
  await rm(work, { recursive: true, force: true })
})

beforeEach(async () => void (await redis.client().flushall()))

describe.each(PAGES)('The application of docs/migration/%s.md', (page) => {
  const workers: Worker[] = []
  afterEach(async () => void (await Promise.all(workers.splice(0).map((worker) => worker.close()))))

  const answersOf = async (name: string, changeInCode = (code: string): string => code): Promise<unknown[]> => {
    const file = join(work, `${page}-${name}`)
    await writeFile(file, servedByTests(changeInCode(blockOf(page, name))))
    const worker = await startWorker(file, { NODE_ENV: 'test', REDIS_URL: redis.url })
    workers.push(worker)
    return answers(worker, page === 'apicache')
  }

  it('answers after the move as before, and asks the database as often', async () => {
    const before = await answersOf('before.mjs')
    expect(await answersOf('after.mjs')).toEqual(before)
    expect(before.filter((answer) => answer === 'product 1')).toHaveLength(2)
    for (const { complaints } of workers) expect(complaints).not.toMatch(/unhandled|KEYEDCACHE_(?!DOWN)/i)
  })

  if (page === 'cache-manager') {
    it('is the same for version 6', async () => {
      const before = await answersOf('before.mjs', (code) => code.replace("'cache-manager'", "'cache-manager-6'"))
      expect(await answersOf('after.mjs')).toEqual(before)
    })
  }
})

describe.each(PROGRAMS)('Each row and each difference that docs/migration/%s.md tells', (program) => {
  it('is as the package itself and keyedcache do it', async () => {
    const env = { ...process.env, NODE_ENV: 'test', REDIS_URL: redis.url }
    await run(process.execPath, [join(work, `${program}.mjs`)], { cwd: work, env })
  })
})

/** What a visitor gets who reads everything twice, before and after a change, and all that the database was asked for. */
async function answers(worker: Worker, hasLists: boolean): Promise<unknown[]> {
  const address = await worker.call<string>('address')
  const asked: unknown[] = []
  const ask = async (path: string, init?: RequestInit): Promise<void> => {
    const response = await fetch(address + path, init)
    asked.push(path, response.status, await response.text())
  }
  const lists = hasLists ? ['/products', '/products?sort=name', '/products/9'] : []
  const readAll = async (): Promise<void> => {
    for (const path of ['/products/1', '/products/1/reviews', ...lists]) for (const _ of [1, 2]) await ask(path)
  }
  await readAll()
  const change = { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{"name":"Lantern"}' }
  await ask('/products/1', change)
  await readAll()
  return [...asked, ...(await worker.call<string[]>('asked'))]
}

function blockOf(page: string, name: string): string {
  const blocks = codeBlocks(`docs/migration/${page}.md`).filter(({ code }) => code.startsWith(`// ${name}\n`))
  expect(blocks).toHaveLength(1)
  return blocks[0]?.code ?? ''
}

/** The same, but it listens on a free port, and gives its address and what it asked the database for. */
function servedByTests(code: string): string {
  const served = code.replace(/^app\.listen\(3000\)\n/m, "const server = app.listen(0, '127.0.0.1')\n")
  return `${served}export const address = () => \`http://127.0.0.1:\${server.address().port}\`
export const asked = async () => (await import('./database.mjs')).queries
`
}

async function npm(command: string, ...args: string[]): Promise<void> {
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  await run('npm', [command, ...flags, ...args], { cwd: work })
}
