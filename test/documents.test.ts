import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import rooms from '../lint/rooms.json' with { type: 'json' }
import packageJson from '../package.json' with { type: 'json' }
import { STORED, type StoredName, storedName } from '../src/stores/redis/scripts/stored-layout.js'

const ROOT = join(import.meta.dirname, '..')
const FOLDERS = ['src', 'test', 'lint', 'views', 'public']

const architecture = read('ARCHITECTURE.md')
/** The line of each room, by the room. */
const roomLines = new Map(
  [...architecture.matchAll(/^- \*\*`(.+?)`\*\*: (.*)$/gm)].map(([, room = '', line = '']) => [room, line]),
)

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => `${folder}/${file}`)
}

function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found = '']) => found)
}

/** What stands in backticks, in a line or in a block. */
function codeIn(text: string): string[] {
  return [...all(text, /^```\w*\n(.*?)^```$/gms), ...all(text.replaceAll(/^```.*?^```$/gms, ''), /`([^`\n]+)`/g)]
}

function missing(files: readonly string[]): string[] {
  return files.filter((file) => !existsSync(join(ROOT, file)))
}

describe.each([
  ['ARCHITECTURE.md', 150],
  ['CONTRIBUTING.md', 80],
])('%s', (document, most) => {
  const text = read(document)
  const code = codeIn(text)

  it(`has at most ${most} lines`, () => {
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(most)
  })

  it('has links that lead to files', () => {
    const links = all(text, /\]\(([^)]+)\)/g).filter((link) => !link.startsWith('https://'))
    expect(links.length).toBeGreaterThan(0)
    expect(missing(links)).toEqual([])
  })

  it('says of files that they are called as the links to them', () => {
    const named = [...text.matchAll(/\[([^\]]+\.\w+)\]\(([^)]+)\)/g)].filter(
      ([, name, link]) => !`/${link}`.endsWith(`/${name}`),
    )
    expect(named.map(([link]) => link)).toEqual([])
  })

  it('names files and folders that are there', () => {
    const paths = code.flatMap((each) => all(each, /(?:^|\s)((?:src|test|lint|views|public|\.ci)\/[\w./-]*)/g))
    expect(paths.length).toBeGreaterThan(0)
    expect(missing(paths)).toEqual([])
    const known = new Set(
      [...FOLDERS.flatMap(filesBelow), ...readdirSync(ROOT)].map((file) => file.slice(file.lastIndexOf('/') + 1)),
    )
    const files = code.filter((each) => /^[\w.-]+\.(?:ts|js|mjs|json|md|ejs)$/.test(each))
    expect(files.filter((file) => !known.has(file))).toEqual([])
  })

  it('names scripts of package.json', () => {
    const named = code.flatMap((each) => all(each, /\bnpm run ([\w:-]+)/g))
    expect(named.length).toBeGreaterThan(0)
    expect(named.filter((name) => !(name in packageJson.scripts))).toEqual([])
  })
})

describe('ARCHITECTURE.md', () => {
  it('tells of the rooms, in their order', () => {
    const inner = rooms.filter((room) => room.startsWith('demo/'))
    expect([...roomLines.keys()]).toEqual(rooms.filter((room) => !inner.includes(room)))
    expect(inner.filter((room) => !roomLines.get('demo')?.includes(`\`${room}\``))).toEqual([])
  })

  it('names files of each room that are there', () => {
    const files = [...roomLines].flatMap(([room, line]) =>
      codeIn(line)
        .filter((each) => /^[\w-]+\.ts$/.test(each) && !rooms.includes(each))
        .map((file) => `src/${room}/${file}`),
    )
    expect(files.length).toBeGreaterThan(0)
    expect(missing(files)).toEqual([])
  })

  it('names nothing that the code does not know', () => {
    const source = filesBelow('src')
      .filter((file) => file.endsWith('.ts'))
      .map(read)
      .join('\n')
    const words = codeIn(architecture).filter((each) => /^[A-Za-z_]\w+$/.test(each))
    expect(words.length).toBeGreaterThan(0)
    expect(words.filter((word) => !new RegExp(word, 'i').test(source))).toEqual([])
  })

  it('has every name in Redis in its table with its type, and no other', () => {
    const types: Record<string, string> = { zset: 'sorted set' }
    const names = Object.values(STORED).map((stored: StoredName) => {
      const ofEach = stored.ofEach === undefined ? '' : `<${stored.ofEach}>`
      return `${storedName('P', stored, '{t}')}${ofEach} is a ${types[stored.type] ?? stored.type}`
    })
    const rows = Array.from(
      architecture.matchAll(/^\| `(P:[^`]+)` +\| ([\w ]+?) +\|/gm),
      ([, name, type]) => `${name} is a ${type}`,
    )
    expect(rows.toSorted()).toEqual(names.toSorted())
  })
})
