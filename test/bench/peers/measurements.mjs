import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const PAGE = 'docs/measurements.md'

/** Replaces what stands between the two markers of this name in docs/measurements.md. */
export function writeMeasurements(text, name = 'bench') {
  const [beginsAt, endsAt] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`]
  const page = readFileSync(`${ROOT}${PAGE}`, 'utf8')
  const [begin, end] = [page.indexOf(beginsAt), page.indexOf(endsAt)]
  if (begin === -1 || end < begin) throw new Error(`${PAGE} has no ${beginsAt} with ${endsAt} after it`)
  writeFileSync(`${ROOT}${PAGE}`, `${page.slice(0, begin + beginsAt.length)}\n\n${text}\n\n${page.slice(end)}`)
  execFileSync('npx', ['oxfmt', PAGE], { cwd: ROOT, stdio: 'ignore' })
}
