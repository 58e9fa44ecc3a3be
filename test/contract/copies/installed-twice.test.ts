import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { VERSION } from '../../../src/contract/copies/version.js'
import { startWorker, type Worker } from '../../support/worker.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const [major, minor] = VERSION.split('.').map(Number) as [number, number]
const SAME_MINOR = `${major}.${minor}.99`
const OTHER_MINOR = `${major}.${minor + 1}.0`

let folder: string
let worker: Worker

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyedcache-copies-'))
  await install('first', VERSION)
  await install('second', SAME_MINOR)
  await install('newer', OTHER_MINOR)
})

afterAll(async () => rm(folder, { recursive: true, force: true }))

beforeEach(async () => {
  worker = await startWorker(new URL('../../workers/copies.mjs', import.meta.url))
})

afterEach(async () => worker.close())

/** Puts a copy of the built package into a folder of its own, as if it were of that version. */
async function install(name: string, version: string): Promise<void> {
  const own = join(folder, name)
  await cp(join(root, 'dist'), join(own, 'dist'), { recursive: true })
  await cp(join(root, 'package.json'), join(own, 'package.json'))
  await symlink(join(root, 'node_modules'), join(own, 'node_modules'))
  for (const each of ['dist/index.js', 'dist/cjs/index.js']) {
    const file = join(own, each)
    const text = await readFile(file, 'utf8') // eslint-disable-line no-await-in-loop
    expect(text).toContain(`VERSION = "${VERSION}"`)
    await writeFile(file, text.replaceAll(`"${VERSION}"`, `"${version}"`)) // eslint-disable-line no-await-in-loop
  }
}

async function load(...names: string[]): Promise<void> {
  await worker.call(
    'load',
    names.map((name) => pathToFileURL(join(folder, name, name.endsWith('.js') ? '' : 'dist/index.js')).href),
  )
}

test.each([
  ['two installed copies of one minor version', 'first', 'second'],
  ['one that is imported and one that is required', 'first', 'first/dist/cjs/index.js'],
])('%s are as one, and end by themselves', async (_what, ...copies) => {
  await load(...copies)
  expect(await worker.call('stored')).toBe('stored')
  expect(await worker.call('answered')).toEqual(['request'])
  expect(await worker.call('isError')).toBe(true)
  expect(await worker.call('warned')).toEqual([])
  await worker.call('close')
  expect(await worker.end(5000)).toBe(0)
})

test('copies of two minor versions share nothing, and say so once by both versions', async () => {
  await load('first', 'newer', 'second')
  expect(await worker.call('stored')).toBe('nothing')
  expect(await worker.call('answered')).toEqual(['store'])
  expect(await worker.call('isError')).toBe(false)
  const [told, ...more] = await worker.call<{ code: string; message: string }[]>('warned')
  expect(told?.code).toBe('KEYEDCACHE_COPIES')
  expect(told?.message).toContain(`keyedcache ${VERSION} and ${OTHER_MINOR} are loaded in one process`)
  expect(told?.message).toContain('npm dedupe')
  expect(more).toEqual([])
})

test('something of somebody else in the place of what is shared is left alone, and told of', async () => {
  const name = `keyedcache@${major}.${minor}`
  await worker.call('occupy', name, 'something')
  await load('first', 'second')
  expect(await worker.call('stored')).toBe('nothing')
  expect(await worker.call('answered')).toEqual(['store'])
  const told = await worker.call<{ message: string }[]>('warned')
  expect(told[0]?.message).toContain(`something else under Symbol.for('${name}')`)
})
