import { cellOf, markdown } from './markdown.mjs'

/** A figure as `mergeLaunches` writes it: alone, or with the least and the most of the launches behind it. */
const FIGURE = String.raw`(-?\d+(?:,\d{3})*(?:\.\d+)?)(?: \((-?[\d,.]+)–(-?[\d,.]+)\))?`

/** The table of README.md, taken from docs/measurements.md: medians, and the worst launch beside them. */
export function headlines(page) {
  const measured = (label) => cellOf(page, label, 'Measured')
  const noticed = (label) => cellOf(page, label, 'What the application noticed')
  const among = (label) => figuresIn(cellOf(page, label, 'one server, 1,000,000 keys'), '#')[0]
  const ofIoredis = (label) => fewest(figuresIn(cellOf(page, label, 'keyedcache'), '#')[0], ' times')

  const cold = '8 processes x 25 calls for one missing key, factory 400 ms'
  const [afterMs] = figuresIn(measured(cold), '1 run; the slowest call ends # ms')
  const [old, reads] = figuresIn(
    noticed('3000 deletes and writes while a value is computed, on one server'),
    '# of # later reads',
  )
  const stopped = noticed('Redis stopped 10 s, 500 requests/s')
  const [failed, requests] = figuresIn(stopped, '# of # failed')
  const [slowestMs] = figuresIn(stopped, 'max # ms')
  const [paid] = figuresIn(stopped, '# % paid over 10 ms')
  return markdown(
    [
      ['What', 'Result'],
      [cold, `the factory runs once; the slowest call ends ${most(afterMs, ' ms')} after it`],
      [
        '3,000 times a delete or write came while the value was computed',
        `of ${grouped(reads)} reads after them, by 3 processes, ${most(old)} got the old value`,
      ],
      [
        'Redis stopped for 10 s, 500 requests/s',
        `${most(failed)} of ${grouped(requests)} failed; ${most(paid, ' %')} took more than 10 ms longer, the slowest ${most(slowestMs, ' ms')}`,
      ],
      [
        'deleting 1,000 children among 1,000,000 keys',
        `${most(among('deleting 1,000 children, ms'), ' ms')}; \`SCAN\` and \`UNLINK\` take ${fewest(among('`SCAN` and `UNLINK` of as many, times as long'), ' times')} as long`,
      ],
      [
        'hit through Redis, calls per second beside plain ioredis',
        `${ofIoredis('hit, 1 caller')} with 1 caller; ${ofIoredis('hit, 64 callers')} with 64, whose reads leave together as one command`,
      ],
      [
        'hit in memory (`near`), of an object, each caller with its own copy',
        most(figuresIn(cellOf(page, 'keyedcache', 'object'), '#')[0], ' µs'),
      ],
      [
        '**Costs:** `set`, calls per second beside plain ioredis',
        `${ofIoredis('set, 1 caller')} with 1 caller, ${ofIoredis('set, 64 callers')} with 64: it keeps the index of the tree`,
      ],
      [
        '**Costs:** `getOrSet` that misses, 8 callers, calls per second beside plain ioredis',
        `${ofIoredis('getOrSet that misses, 8 callers')}: the price of one computation at a time`,
      ],
    ],
    '---',
  )
}

/** What docs/operations.md says of Redis's time for a `set`, taken from docs/measurements.md, and reckoned from that. */
export function serverTime(page) {
  const cell = cellOf(page, 'server time of one `set`, including its place in the index', 'Measured')
  const [one, merged, plain] = figuresIn(cell, '# µs, of 64 callers # µs; `SET` alone # µs')
  const share = (10_000 * Number(one.median)) / 1e6
  return `Time of the server: one \`set\` takes Redis ${most(one, ' µs')}, of 64 callers at once ${most(merged, ' µs')}, where \`SET\` alone takes ${most(plain, ' µs')} ([measured](measurements.md#against-other-caches)). A Redis uses one core for commands, so 10,000 writes a second of single callers take ${share.toFixed(2)} of it (reckoned).`
}

/** The figures of a text, which stand where the words have `#`. @throws {Error} where the text does not have the words. */
function figuresIn(text, words) {
  const pattern = words.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('#', FIGURE)
  const found = new RegExp(pattern).exec(text)
  if (found === null) throw new Error(`Expected "${words}", got "${text}"`)
  const parts = found.slice(1)
  return Array.from({ length: parts.length / 3 }, (_, i) => {
    const [median, least, greatest] = parts.slice(3 * i)
    return { median, least, most: greatest }
  })
}

/** A figure of which less is better. */
function most(figure, unit = '') {
  return atWorst(figure.median, figure.most, unit)
}

/** A figure of which more is better. */
function fewest(figure, unit = '') {
  return atWorst(figure.median, figure.least, unit)
}

function atWorst(median, worst, unit) {
  return `${median}${unit}${worst === undefined || worst === median ? '' : ` (at worst ${worst})`}`
}

function grouped({ median }) {
  return Number(median.replaceAll(',', '')).toLocaleString('en')
}
