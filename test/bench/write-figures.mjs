import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Replaces what stands between the two markers of this name on a page, such as `docs/measurements.md`. */
export function writeFigures(page, name, text) {
  const [beginsAt, endsAt] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`]
  const before = readFileSync(`${ROOT}${page}`, 'utf8')
  const [begin, end] = [before.indexOf(beginsAt), before.indexOf(endsAt)]
  if (begin === -1 || end < begin) throw new Error(`${page} has no ${beginsAt} with ${endsAt} after it`)
  writeFileSync(`${ROOT}${page}`, `${before.slice(0, begin + beginsAt.length)}\n\n${text}\n\n${before.slice(end)}`)
  execFileSync('npx', ['oxfmt', page], { cwd: ROOT, stdio: 'ignore' })
}
