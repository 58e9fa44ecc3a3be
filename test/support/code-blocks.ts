import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')

/** A block of code in a document. */
export interface CodeBlock {
  /** The document's path from the root. */
  readonly file: string
  /** The line of the document on which the code begins. */
  readonly line: number
  /** What stands behind the fence: `js`, `ts`, `sh` or nothing. */
  readonly language: string
  readonly code: string
}

/** README.md and the pages of `docs`. */
export const USER_DOCUMENTS: readonly string[] = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
]

/** Every block of code in a document. */
export function codeBlocks(file: string): CodeBlock[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return Array.from(text.matchAll(/^```(\w*)\n(.*?)^```$/gms), ({ index, 1: language = '', 2: code = '' }) => ({
    file,
    line: text.slice(0, index).split('\n').length + 1,
    language,
    code,
  }))
}

/** How the applications of README.md and docs/dashboard.md listen. Tests put their own port in its place. */
export const LISTENING = 'app.listen(port)'

/** The one application in a document: the block that listens. */
export function applicationIn(file: string): string {
  const [application, ...others] = codeBlocks(file).filter(({ code }) => code.includes(LISTENING))
  if (application === undefined || others.length > 0) throw new Error(`${file} does not have one application`)
  return application.code
}
