import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const README = `${ROOT}README.md`

/** Replaces what stands between the two markers of this name in the README. */
export function writeReadme(text, name = 'bench') {
  const [beginsAt, endsAt] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`]
  const readme = readFileSync(README, 'utf8')
  const [begin, end] = [readme.indexOf(beginsAt), readme.indexOf(endsAt)]
  if (begin === -1 || end < begin) throw new Error(`README.md has no ${beginsAt} with ${endsAt} after it`)
  writeFileSync(README, `${readme.slice(0, begin + beginsAt.length)}\n\n${text}\n\n${readme.slice(end)}`)
  execFileSync('npx', ['oxfmt', 'README.md'], { cwd: ROOT, stdio: 'ignore' })
}
