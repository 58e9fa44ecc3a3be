import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { headlines, serverTime } from './headlines.mjs'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const MEASUREMENTS = 'docs/measurements.md'
/** What other pages take from docs/measurements.md: the page, the name of its markers, and how it is made. */
const TAKEN = [
  ['README.md', 'headlines', headlines],
  ['docs/operations.md', 'server-time', serverTime],
]

/** Puts a text between the two markers of this name on a page, such as `docs/measurements.md`, and renews what other pages take from it. */
export function writeFigures(page, name, text) {
  replace(page, name, text)
  const measurements = readFileSync(`${ROOT}${MEASUREMENTS}`, 'utf8')
  for (const [takingPage, takenAs, take] of TAKEN) replace(takingPage, takenAs, take(measurements))
  const pages = new Set([page, ...TAKEN.map(([takingPage]) => takingPage)])
  execFileSync('npx', ['oxfmt', ...pages], { cwd: ROOT, stdio: 'ignore' })
}

/** A page with this text between the two markers of this name. @throws {Error} where the page does not have them. */
export function withFigures(page, name, text) {
  const [beginsAt, endsAt] = [`<!-- ${name}:begin -->`, `<!-- ${name}:end -->`]
  const [begin, end] = [page.indexOf(beginsAt), page.indexOf(endsAt)]
  if (begin === -1 || end < begin) throw new Error(`The page has no ${beginsAt} with ${endsAt} after it`)
  return `${page.slice(0, begin + beginsAt.length)}\n\n${text}\n\n${page.slice(end)}`
}

function replace(page, name, text) {
  writeFileSync(`${ROOT}${page}`, withFigures(readFileSync(`${ROOT}${page}`, 'utf8'), name, text))
}
