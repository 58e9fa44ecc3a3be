// What deletes, lists, counts and the dashboard take among few keys and among many: one launch of `npm run bench:tables -- scale`.
import { startCluster } from './cluster.mjs'
import { measurePages } from './dashboard-pages.mjs'
import { handOver, isShort } from './tables/hand-over.mjs'
import { markdown } from './tables/markdown.mjs'
import { startOneServer } from './one-server.mjs'
import { Subject } from './subject.mjs'

const [FEW, MANY] = isShort ? [10_000, 20_000] : [10_000, 1_000_000]
const ROUNDS = isShort ? 1 : 9
const PAGE_ROUNDS = isShort ? 3 : 60
/** The rows, by the names of the samples. */
const ROWS = {
  'delete 1,000 children': 'deleting 1,000 children, ms',
  'page of 50, middle': 'a page of 50 keys, from the middle, ms',
  'count of all': 'an exact count of all keys, ms',
  'children, 50 of 1,000, middle': '50 children of a level of 1,000, with exact counts, ms',
}

const subjects = [
  new Subject(await startOneServer(), FEW),
  new Subject(await startOneServer(), MANY),
  new Subject(await startCluster(), MANY),
]
try {
  for (const subject of subjects) await subject.fill()
  // The first round is a warm-up
  for (const subject of subjects) await subject.round(0)
  for (const { samples } of subjects) samples.clear()
  for (let round = 1; round <= ROUNDS; round++) for (const subject of subjects) await subject.round(round)
  handOver(report(await measurePages(subjects[1], PAGE_ROUNDS)))
} finally {
  await Promise.all(subjects.map(({ cache }) => cache.close()))
  await Promise.all(subjects.map(({ backend }) => backend.close()))
}

function report(pages) {
  return [
    markdown([
      ['', ...subjects.map(({ label }) => `${label} keys`)],
      ...Object.entries(ROWS).map(([name, row]) => [row, ...subjects.map(({ samples }) => ms(samples.median(name)))]),
      [
        '`SCAN` and `UNLINK` of as many, times as long',
        ...subjects.map(({ samples }) =>
          (samples.median('SCAN + UNLINK of as many') / samples.median('delete 1,000 children')).toFixed(0),
        ),
      ],
    ]),
    `A page of the dashboard, with ${MANY.toLocaleString('en')} keys on one server:`,
    markdown([
      ['', 'median, ms', '95 of 100 within, ms', 'kB of HTML', 'commands of Redis'],
      ...pages.map(({ name, p50Ms, p95Ms, bytes, commands }) => [
        name,
        ms(p50Ms),
        ms(p95Ms),
        (bytes / 1000).toFixed(0),
        `${commands}`,
      ]),
    ]),
  ].join('\n\n')
}

function ms(value) {
  return value.toFixed(value < 10 ? 1 : 0)
}
