import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import rooms from '../lint/rooms.json' with { type: 'json' }
import packageJson from '../package.json' with { type: 'json' }
import { STORED, type StoredName, storedName } from '../src/stores/redis/scripts/stored-layout.js'
import { applicationIn, codeBlocks, USER_DOCUMENTS } from './support/code-blocks.js'

const ROOT = join(import.meta.dirname, '..')
const FOLDERS = ['src', 'test', 'lint', 'views', 'public', 'docs']
const DOCUMENTS = [
  ...USER_DOCUMENTS,
  'SECURITY.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'llms.txt',
  'examples/README.md',
]
/** A file of the repository by its address, as documents of the package link to what is not in it. */
const REPOSITORY = /^https:\/\/github\.com\/keyedcache\/keyedcache\/(?:blob|raw)\/main\/(.+)$/

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

/** The links of a document that lead nowhere: to no file, or to no heading. */
function deadLinks(document: string): string[] {
  return all(proseOf(document), /\]\(([^)\s]+)\)/g)
    .filter((link) => REPOSITORY.test(link) || !link.startsWith('https://'))
    .filter((link) => {
      const [path = '', anchor] = link.split('#')
      const [, ofRepository] = REPOSITORY.exec(path) ?? []
      const file = ofRepository ?? (path === '' ? document : join(dirname(document), path))
      return !existsSync(join(ROOT, file)) || (anchor !== undefined && !anchorsIn(file).includes(anchor))
    })
}

/** What GitHub calls the headings of a document. */
function anchorsIn(document: string): string[] {
  const anchors = all(proseOf(document), /^#+ (.+)$/gm).map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
  return anchors.map((anchor, place) => {
    const earlier = anchors.slice(0, place).filter((each) => each === anchor).length
    return earlier === 0 ? anchor : `${anchor}-${earlier}`
  })
}

function proseOf(document: string): string {
  return read(document).replaceAll(/^```.*?^```$/gms, '')
}

describe.each(DOCUMENTS)('%s', (document) => {
  it('has no dead link', () => {
    expect(deadLinks(document)).toEqual([])
  })
})

describe('README.md', () => {
  const readme = read('README.md')

  it('has the application of docs/dashboard.md, without its dashboard', () => {
    const whole = applicationIn('docs/dashboard.md')
    const lines = applicationIn('README.md').split('\n')
    const own = /^import \{ closeCaches|^server\.once\('listening'/
    expect(lines.filter((line) => !own.test(line) && !whole.includes(`${line}\n`))).toEqual([])
  })

  it('is read in one sitting: at most 20 kB', () => {
    expect(Buffer.byteLength(readme)).toBeLessThanOrEqual(20_000)
  })

  it.each(['README.md', 'llms.txt'])('leads to each page of the documents, as %s does', (index) => {
    const text = read(index)
    expect(USER_DOCUMENTS.filter((file) => file !== 'README.md' && !text.includes(`](${file})`))).toEqual([])
  })
})

describe('Of an application that ends at SIGTERM', () => {
  const programs = [
    ...USER_DOCUMENTS.flatMap((file) => codeBlocks(file).map(({ line, code }) => ({ where: `${file}:${line}`, code }))),
    ...filesBelow('examples')
      .filter((file) => /(?<!node_modules.*)\.[jt]s$/.test(file))
      .map((file) => ({ where: file, code: read(file) })),
  ].filter(({ code }) => code.includes("process.once('SIGTERM'"))

  it('every document and example says it in the same way: what never finishes is cut after 5 seconds', () => {
    expect(programs.length).toBeGreaterThan(6)
    const cut = /setTimeout\(\(\) => (?:server|app\.getHttpServer\(\))\.closeAllConnections\(\), 5000\)\.unref\(\)/
    expect(programs.filter(({ code }) => !cut.test(code)).map(({ where }) => where)).toEqual([])
  })
})

describe('The examples of the documents', () => {
  it('give names that a bundler does not change', () => {
    // What stood there before a move to keyedcache is code of other caches
    const code = USER_DOCUMENTS.flatMap(codeBlocks)
      .map((block) => block.code)
      .filter((each) => !each.startsWith('// before.mjs\n'))
    // each part begins at what takes a name, and ends at the next
    const naming = code.flatMap((each) =>
      each.split(/(?=cacheFunction\(|@cached\(|\.wrap\(|extends CachedObject)/).slice(1),
    )
    expect(naming.length).toBeGreaterThan(4)
    expect(naming.filter((each) => !/\bname: '|static cacheName = '/.test(each))).toEqual([])
  })
})

describe('docs/troubleshooting.md', () => {
  it('tells of every warning, and of no other', () => {
    const source = filesBelow('src')
      .filter((file) => file.endsWith('.ts') && !file.startsWith('src/demo/'))
      .map(read)
      .join('\n')
    const codes = new Set(all(source, /(?<!process\.env\[)'(KEYEDCACHE_\w+)'/g))
    const told = all(read('docs/troubleshooting.md'), /^\| `(KEYEDCACHE_\w+)` +\|/gm)
    expect(told.toSorted()).toEqual([...codes].toSorted())
  })

  it('tells of every code of an error with its class, and of no other', () => {
    const source = read('src/contract/errors.ts')
    const codes = all(source, /'(ERR_\w+)'/g)
    const classes = all(source, /^export class (\w+) extends KeyedCacheError/gm)
    const errors = read('docs/troubleshooting.md').slice(read('docs/troubleshooting.md').indexOf('## Errors'))
    expect(all(errors, /^\| `(\w+)` +\| `ERR_/gm).toSorted()).toEqual(classes.toSorted())
    expect(all(errors, /^\| `\w+` +\| `(ERR_\w+)` +\|/gm).toSorted()).toEqual([...new Set(codes)].toSorted())
  })

  it('says why and what to do in every row', () => {
    const rows = read('docs/troubleshooting.md').match(/^\| .*\|$/gm) ?? []
    expect(
      rows.filter((row) =>
        row.split(/(?<!\\)\|/).some((cell, i, cells) => i > 0 && i < cells.length - 1 && !cell.trim()),
      ),
    ).toEqual([])
  })
})

describe.each([
  ['ARCHITECTURE.md', 150],
  ['CONTRIBUTING.md', 80],
])('%s', (document, most) => {
  const text = read(document)
  const code = codeIn(text)

  it(`has at most ${most} lines`, () => {
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(most)
  })

  it('says of files that they are called as the links to them', () => {
    const named = [...text.matchAll(/\[([^\]]+\.\w+)\]\(([^)]+)\)/g)].filter(
      ([, name, link]) => !`/${link}`.endsWith(`/${name}`),
    )
    expect(named.map(([link]) => link)).toEqual([])
  })

  it('names files and folders that are there', () => {
    const paths = code.flatMap((each) => all(each, /(?:^|\s)((?:src|test|lint|views|public|docs|\.ci)\/[\w./-]*)/g))
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
