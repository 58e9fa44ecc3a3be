import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import rooms from '../../lint/rooms.json' with { type: 'json' }

const ROOT = join(import.meta.dirname, '../..')

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keyedcache-lint-'))
  const config = JSON.parse(readFileSync(join(ROOT, '.oxlintrc.json'), 'utf8')) as Record<string, unknown>
  plant('.oxlintrc.json', JSON.stringify({ ...config, jsPlugins: [join(ROOT, 'lint/plugin.js')], options: {} }))
})

afterEach(() => rmSync(folder, { recursive: true }))

function plant(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), text)
}

/** The rules that the planted files break, each with its file. */
function broken(): string[] {
  const oxlint = join(ROOT, 'node_modules/oxlint/bin/oxlint')
  const { stdout } = spawnSync(process.execPath, [oxlint, '--format=json'], { cwd: folder, encoding: 'utf8' })
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] }
  return diagnostics.map(({ code, filename }) => `${code} ${filename}`).toSorted()
}

describe('Lint', () => {
  it('has nothing against imports from the own room and from rooms below', () => {
    plant('src/keys/key.ts', "import type { B } from './key-tree.js'\nexport type A = B\n")
    plant('src/keys/key-tree.ts', "export type { C as B } from '../checks/kind.js'\n")
    plant('src/checks/kind.ts', 'export type C = string\n')
    plant('src/index.ts', "export * from './keys/key.js'\n")
    expect(broken()).toEqual([])
  })

  it.each([
    ['an import', "import { b } from '../../values/entry.js'\nexport const a = b\n"],
    ['an import of a type', "import type { B } from '../../values/entry.js'\nexport type A = B\n"],
    ['a type that is imported where it stands', "export type A = import('../../values/entry.js').B\n"],
    ['an export of what is imported', "export { b } from '../../values/entry.js'\n"],
    ['an export of everything', "export * from '../../values/entry.js'\n"],
    ['an import while the program runs', "export const a = (): Promise<unknown> => import('../../values/entry.js')\n"],
  ])('refuses %s that runs up the order of the rooms', (_what, text) => {
    plant('src/contract/events/events.ts', text)
    plant('src/values/entry.ts', 'export const b = 1\nexport type B = string\n')
    expect(broken()).toEqual(['rooms(order) src/contract/events/events.ts'])
  })

  it('refuses an import of a room by one that stands in it', () => {
    plant('src/admin/http/form.ts', "import type { A } from '../admin.js'\nexport type B = A\n")
    plant('src/admin/admin.ts', 'export type A = string\n')
    expect(broken()).toEqual(['rooms(order) src/admin/http/form.ts'])
  })

  it('refuses a file in a folder that is no room', () => {
    plant('src/nowhere/file.ts', 'export const a = 1\n')
    expect(broken()).toEqual(['rooms(order) src/nowhere/file.ts'])
  })

  it.each(['src/keys', 'test/support'])('refuses imports that go in a circle in %s, be it of types', (room) => {
    plant(`${room}/a.ts`, "import type { B } from './b.js'\nexport type A = B[]\n")
    plant(`${room}/b.ts`, "import type { A } from './a.js'\nexport type B = A[]\n")
    expect(broken()).toEqual([`import(no-cycle) ${room}/a.ts`, `import(no-cycle) ${room}/b.ts`])
  })

  it('refuses the 21st file of a folder', () => {
    for (let i = 10; i < 30; i++) plant(`src/keys/file-${i}.ts`, 'export const a = 1\n')
    expect(broken()).toEqual([])
    plant('src/keys/file-30.ts', 'export const a = 1\n')
    expect(broken()).toEqual(['rooms(size) src/keys/file-10.ts'])
  })

  it('refuses the 301st line of a file', () => {
    plant('src/keys/key.ts', Array.from({ length: 301 }, (_, i) => `export const a${i} = 1\n`).join(''))
    expect(broken()).toEqual(['eslint(max-lines) src/keys/key.ts'])
  })

  it.each([
    ['Redis outside of its store', 'src/values/entry.ts', 'ioredis'],
    ['Express in a store', 'src/stores/redis/redis-store.ts', 'express'],
    ['a store in what a cache is made of', 'src/cache/reading/reader.ts', '../../stores/redis/redis-store.js'],
    ['the inside of a cache in the dashboard', 'src/admin/show/page.ts', '../../values/entry.js'],
    ['what is not public in the demo', 'src/demo/cities/city.ts', '../../keys/key.js'],
  ])('refuses %s', (_what, file, source) => {
    plant(file, `import type { A } from '${source}'\nexport type B = A\n`)
    expect(broken()).toEqual([`eslint(no-restricted-imports) ${file}`])
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
