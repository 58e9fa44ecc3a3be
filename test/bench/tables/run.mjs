// Writes the figures into the documents. Launches what is measured three times, each in a process of its own and all in turns, so that what
// else the machine does meets all alike; each figure is the median of the launches. Arguments are names of `MEASURES`, none: all. With
// BENCH=short in front it is a try: every measure is as short as it may be, and nothing is written. What each launch has told is in
// launches.jsonl too. `npm run faults` writes the tables that tests measure.
import { fork } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { benchNode } from './bench-node.mjs'
import { childAnswer } from '../peers/child-answer.mjs'
import { isShort } from './hand-over.mjs'
import { machineOf, measuredBy } from './machine.mjs'
import { mergeLaunches } from './merge-launches.mjs'
import { writeFigures } from './write-figures.mjs'

const LAUNCHES = 3
const LOG = join(import.meta.dirname, 'launches.jsonl')
/** What is measured by which program, and on which page its tables are, between markers of its name. */
const MEASURES = {
  peers: { program: '../peers/run.mjs', page: 'docs/measurements.md' },
  scale: { program: '../at-scale.mjs', page: 'docs/measurements.md' },
  sizing: { program: '../sizing.mjs', page: 'docs/operations.md' },
}

const asked = process.argv.slice(2)
const names = asked.length === 0 ? Object.keys(MEASURES) : asked
const unknown = names.filter((name) => !(name in MEASURES))
if (unknown.length > 0)
  throw new TypeError(`Expected names of ${Object.keys(MEASURES).join(', ')}, got ${unknown.join(', ')}`)

const node = benchNode()
const beganMs = performance.now()
const machines = []
const told = new Map(names.map((name) => [name, []]))
for (let number = 1; number <= LAUNCHES; number++) {
  machines.push(machineOf(node))
  for (const [name, texts] of told) texts.push(await launch(name, number))
}
for (const [name, texts] of told) write(name, texts)
say(`${seconds(beganMs)} s in all`)

/** What a launch has told, or nothing where it has failed: the others go on. */
async function launch(name, number) {
  say(`\nLaunch ${number} of ${name}`)
  const startedMs = performance.now()
  const child = fork(join(import.meta.dirname, MEASURES[name].program), { execPath: node })
  const ended = new Promise((resolve) => {
    child.once('exit', resolve)
  })
  const text = await childAnswer(child).catch((error) => say(`FAILED: ${error.message}`))
  await ended
  const line = { name, number, at: new Date(), isShort, machine: machines.at(-1), seconds: seconds(startedMs), text }
  appendFileSync(LOG, `${JSON.stringify(line)}\n`)
  return text
}

function write(name, texts) {
  const text = texts.includes(undefined) ? undefined : mergeLaunches(texts)
  if (text === undefined) {
    say(`NOT WRITTEN: a launch of ${name} has failed, or told something else than the others: see ${LOG}`)
    process.exitCode = 1
    return
  }
  const head = measuredBy(`npm run bench:tables -- ${name}`, LAUNCHES, mergeLaunches(machines))
  say(`\n${head}\n\n${text}`)
  if (!isShort) writeFigures(MEASURES[name].page, name, `${head}\n\n${text}`)
}

function say(text) {
  process.stdout.write(`${text}\n`)
}

function seconds(sinceMs) {
  return Math.round((performance.now() - sinceMs) / 1000)
}
