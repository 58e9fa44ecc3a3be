import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const README = `${ROOT}README.md`
const BEGIN = '<!-- bench:begin -->'
const END = '<!-- bench:end -->'

/** Replaces what stands between the two markers in the README. */
export function writeReadme(text) {
  const readme = readFileSync(README, 'utf8')
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)]
  if (begin === -1 || end < begin) throw new Error(`README.md has no ${BEGIN} with ${END} after it`)
  writeFileSync(README, `${readme.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${readme.slice(end)}`)
  execFileSync('npx', ['oxfmt', 'README.md'], { cwd: ROOT, stdio: 'ignore' })
}
