import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { applicationIn, type CodeBlock, codeBlocks, LISTENING, USER_DOCUMENTS } from '../support/code-blocks.js'
import { type RedisServer, startRedis } from '../support/redis-server.js'
import { isFull } from '../support/size.js'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')
const SETTINGS = { REDIS_URL: undefined, SESSION_SECRET: 'a secret of tests', STAFF_PASSWORD: 'a password of tests' }

/** The programs of each document, in their order. docs/api.md has signatures, made from the code; test/migration runs those of docs/migration. */
const programs = new Map(
  USER_DOCUMENTS.filter((file) => file !== 'docs/api.md' && !file.startsWith('docs/migration/')).map((file) => [
    file,
    codeBlocks(file).filter(({ language }) => /^[jt]s$/.test(language)),
  ]),
)
const documents = [...programs.keys()].filter((file) => programs.get(file)?.length)

let redis: RedisServer
/** Lies in the package, so that `keyedcache` is the package itself. */
let folder: string

beforeAll(async () => {
  redis = await startRedis()
  folder = await mkdtemp(join(import.meta.dirname, 'compiled-'))
  await cp(join(import.meta.dirname, 'surroundings.ts'), join(folder, 'surroundings.ts'))
  await cp(join(import.meta.dirname, 'decimal.js'), join(folder, 'node_modules/decimal.js'), { recursive: true })
  for (const [file, blocks] of programs) {
    for (const block of blocks)
      await writeFile(join(folder, `${nameOf(block)}.${block.language}`), forTests(block.code))
    await writeFile(join(folder, `${basename(file, '.md')}.ts`), oneAfterTheOther(blocks))
  }
  await writeFile(join(folder, 'application.ts'), forTests(applicationIn('docs/dashboard.md')))
  const compilerOptions = {
    rootDir: '.',
    outDir: 'js',
    noEmit: false,
    isolatedDeclarations: false,
    moduleDetection: 'force',
    allowJs: true,
    // Which few users set
    noImplicitOverride: false,
  }
  const unused = { noUnusedLocals: false, noUnusedParameters: false, declaration: false, declarationMap: false }
  const config = {
    extends: '../../../tsconfig.json',
    compilerOptions: { ...compilerOptions, ...unused },
    include: ['*.ts', '*.js'],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
})

afterAll(async () => {
  await redis.close()
  await rm(folder, { recursive: true, force: true })
})

describe('The code in README.md and docs', () => {
  it('compiles, as strict TypeScript where it is some, and so does the application of docs/dashboard.md', async () => {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    const complaints = await run(process.execPath, [tsc, '-p', folder]).then(
      ({ stdout }) => stdout,
      (error: Error & { stdout?: string }) => error.stdout || error.message,
    )
    expect(complaints).toBe('')
  })

  it.each(isFull ? documents : ['README.md'])('runs: %s, each block after the one before', async (file) => {
    const env = { ...process.env, ...SETTINGS }
    const { stderr } = await run(process.execPath, [join(folder, 'js', `${basename(file, '.md')}.js`)], { env })
    // A Cluster and a Sentinel that the documents name are nowhere
    expect(stderr.replaceAll(/^.*(?:KEYEDCACHE_DOWN|--trace-warnings).*\n/gm, '')).toBe('')
  })
})

it.each(isFull ? ['two processes'] : [])('once.mjs of docs/guide.md computes once in %s', async () => {
  const [block] = programs.get('docs/guide.md')?.filter(({ code }) => code.includes('} computes`')) ?? []
  const once = join(folder, 'js', `${nameOf(block as CodeBlock)}.js`)
  const env = { ...process.env, REDIS_URL: redis.url, KEYEDCACHE_KEY_PREFIX: 'try' }
  const printed = (await Promise.all([1, 2].map(() => run(process.execPath, [once], { env })))).map(
    ({ stdout }) => stdout,
  )
  expect(printed.join('').match(/computes/g)).toHaveLength(1)
  expect(printed.join('').match(/has the report/g)).toHaveLength(2)
})

/** For example `guide-130`: its document and its line there. */
function nameOf({ file, line }: CodeBlock): string {
  return `${basename(file, '.md')}-${line}`
}

function forTests(code: string): string {
  const onAnyPort = code.replaceAll(LISTENING, 'app.listen(0)').replaceAll('app.listen(3000)', 'app.listen(0)')
  return onAnyPort.replaceAll('redis://localhost:6379', redis.url)
}

/** A program that runs the blocks of a document. */
function oneAfterTheOther(blocks: readonly CodeBlock[]): string {
  const imports = blocks.map((block) => `await import('./${nameOf(block)}.js')\n`)
  return `import './surroundings.js'\n${imports.join('')}process.exit()\n`
}
