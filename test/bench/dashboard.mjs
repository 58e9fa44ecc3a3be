import { measurePages } from './dashboard-pages.mjs'
import { table } from './measure.mjs'
import { startOneServer } from './one-server.mjs'
import { Subject } from './subject.mjs'

const KEYS = Number(process.env.KEYS ?? 1_000_000)
const ROUNDS = Number(process.env.ROUNDS ?? 200)
const AT_MOST = { p95Ms: 100, bytes: 60_000, commands: 10 }

const backend = await startOneServer()
const subject = new Subject(backend, KEYS)
const missed = []
try {
  const seconds = await subject.fill()
  say(`${KEYS.toLocaleString('en')} keys, filled in ${seconds.toFixed(1)} s; each page ${ROUNDS} times\n`)
  const pages = await measurePages(subject, ROUNDS)
  const rows = pages.map(({ name, p50Ms, p95Ms, bytes, commands }) => [
    name,
    p50Ms.toFixed(1),
    p95Ms.toFixed(1),
    (bytes / 1000).toFixed(1),
    `${commands}`,
  ])
  say(table([['', 'p50 ms', 'p95 ms', 'kB of HTML', 'commands'], ...rows]))
  for (const { name, ...page } of pages) {
    for (const [what, most] of Object.entries(AT_MOST))
      if (page[what] > most) missed.push(`${name}: ${what} ${page[what].toFixed(1)}, more than ${most}`)
  }
} finally {
  await subject.cache.close()
  await backend.close()
}
for (const sentence of missed) say(`MISSED: ${sentence}`)
if (missed.length > 0) process.exitCode = 1
else say('Every target is met.')

function say(text) {
  process.stdout.write(`${text}\n`)
}
