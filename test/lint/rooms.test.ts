import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import rooms from '../../lint/rooms.json' with { type: 'json' }

const ROOT = join(import.meta.dirname, '../..')

/** What is planted, by file; all of it is looked at once, since each look takes half a second. */
const PLANTED = new Map<string, string>()

function plant(file: string, text: string): string {
  if (PLANTED.has(file)) throw new Error(`${file} is planted already`)
  PLANTED.set(file, text)
  return file
}

let broken: readonly { readonly rule: string; readonly file: string }[]

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), 'keyedcache-lint-'))
  const config = JSON.parse(readFileSync(join(ROOT, '.oxlintrc.json'), 'utf8')) as Record<string, unknown>
  plant('.oxlintrc.json', JSON.stringify({ ...config, jsPlugins: [join(ROOT, 'lint/plugin.js')], options: {} }))
  for (const [file, text] of PLANTED) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  const oxlint = join(ROOT, 'node_modules/oxlint/bin/oxlint')
  const { stdout } = spawnSync(process.execPath, [oxlint, '--format=json'], { cwd: folder, encoding: 'utf8' })
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] }
  broken = diagnostics.map(({ code, filename }) => ({ rule: code, file: filename }))
  rmSync(folder, { recursive: true })
})

/** The rules that files break. */
function brokenBy(...files: string[]): string[] {
  return broken
    .filter(({ file }) => files.includes(file))
    .map(({ rule }) => rule)
    .toSorted()
}

describe('Lint', () => {
  const right = [
    plant('src/keys/right.ts', "import type { B } from './right-too.js'\nexport type A = B\n"),
    plant('src/keys/right-too.ts', "export type { C as B } from '../checks/right.js'\n"),
    plant('src/checks/right.ts', 'export type C = string\n'),
    plant('src/index.ts', "export * from './keys/right.js'\n"),
  ]

  it('has nothing against imports from the own room and from rooms below', () => {
    expect(brokenBy(...right)).toEqual([])
  })

  plant('src/values/above.ts', 'export const b = 1\nexport type B = string\n')
  it.each(
    [
      ['an import', "import { b } from '../../values/above.js'\nexport const a = b\n"],
      ['an import of a type', "import type { B } from '../../values/above.js'\nexport type A = B\n"],
      ['a type that is imported where it stands', "export type A = import('../../values/above.js').B\n"],
      ['an export of what is imported', "export { b } from '../../values/above.js'\n"],
      ['an export of everything', "export * from '../../values/above.js'\n"],
      [
        'an import while the program runs',
        "export const a = (): Promise<unknown> => import('../../values/above.js')\n",
      ],
    ].map(([what = '', text = ''], i) => [what, plant(`src/contract/events/up-${i}.ts`, text)]),
  )('refuses %s that runs up the order of the rooms', (_what, file) => {
    expect(brokenBy(file)).toEqual(['rooms(order)'])
  })

  const inner = plant('src/admin/http/inner.ts', "import type { A } from '../door.js'\nexport type B = A\n")
  plant('src/admin/door.ts', 'export type A = string\n')
  it('refuses an import of a room by one that stands in it', () => {
    expect(brokenBy(inner)).toEqual(['rooms(order)'])
  })

  const nowhere = plant('src/nowhere/file.ts', 'export const a = 1\n')
  it('refuses a file in a folder that is no room', () => {
    expect(brokenBy(nowhere)).toEqual(['rooms(order)'])
  })

  it.each(
    ['src/keys', 'test/support'].map((room) => [
      room,
      plant(`${room}/circle-a.ts`, "import type { B } from './circle-b.js'\nexport type A = B[]\n"),
      plant(`${room}/circle-b.ts`, "import type { A } from './circle-a.js'\nexport type B = A[]\n"),
    ]),
  )('refuses imports that go in a circle in %s, be it of types', (_room, one = '', other = '') => {
    expect([brokenBy(one), brokenBy(other)]).toEqual([['import(no-cycle)'], ['import(no-cycle)']])
  })

  const filled = Array.from({ length: 41 }, (_, i) =>
    plant(i < 20 ? `src/request/file-${i + 10}.ts` : `src/express/file-${i + 10}.ts`, 'export const a = 1\n'),
  )
  it('refuses the 21st file of a folder', () => {
    expect(brokenBy(...filled.slice(0, 20))).toEqual([])
    expect(brokenBy(...filled.slice(20))).toEqual(['rooms(size)'])
  })

  const long = plant('src/keys/long.ts', Array.from({ length: 301 }, (_, i) => `export const a${i} = 1\n`).join(''))
  it('refuses the 301st line of a file', () => {
    expect(brokenBy(long)).toEqual(['eslint(max-lines)'])
  })

  it.each(
    [
      ['Redis outside of its store', 'src/values/with-redis.ts', 'ioredis'],
      ['Express in a store', 'src/stores/redis/with-express.ts', 'express'],
      ['a store in what a cache is made of', 'src/cache/reading/with-store.ts', '../../stores/redis/redis-store.js'],
      ['the inside of a cache in the dashboard', 'src/admin/show/with-inside.ts', '../../values/above.js'],
      ['what is not public in the demo', 'src/demo/cities/with-inside.ts', '../../keys/right.js'],
    ].map(([what = '', file = '', source = '']) => [
      what,
      plant(file, `import type { A } from '${source}'\nexport type B = A\n`),
    ]),
  )('refuses %s', (_what, file) => {
    expect(brokenBy(file)).toEqual(['eslint(no-restricted-imports)'])
  })
})

it('Each room in the order of rooms is there, and at the top of src are at most 12 folders', () => {
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory())
  expect(folders.length).toBeLessThanOrEqual(12)
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  const found = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => (dirname(file) === '.' ? file : dirname(file)))
  expect([...new Set(found)].toSorted()).toEqual(rooms.toSorted())
})
