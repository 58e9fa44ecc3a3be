import { readFileSync } from 'node:fs'
import { markdown } from '../tables/markdown.mjs'
import { median, percentile } from '../measure.mjs'
import { coherenceText } from './coherence.mjs'
import { ioredis } from './ioredis.mjs'
import { embedded, keyedcache } from './keyedcache.mjs'
import { throughRedis, withMemory } from './libraries.mjs'
import { stampedeText } from './stampede.mjs'

const NONE = '—'
const OTHERS = throughRedis.filter(({ name }) => name !== ioredis.name)

/** In the middle: how many times the rate of another subject's block of the same round. */
export function timesOf(blocks, than) {
  return median(blocks.rates.map((rate, round) => rate / than.rates[round]))
}

/** All that was measured, as Markdown. */
export function report({ redisRows, memoryRows, stampede, cluster, express, ...rest }) {
  return [
    `Calls through Redis are given as a multiple of what plain ioredis (\`GET\` and \`JSON.parse\`, \`SET\` and \`JSON.stringify\`) does in the same seconds; an object has 300 bytes unless the row says otherwise; ${NONE} stands for a call that a library does not have.`,
    markdown([['', 'ioredis, calls/s', ...OTHERS.map(({ name }) => name)], ...redisRows.map(rateRow)]),
    'How long a hit takes, median / 99th percentile, in ms:',
    markdown([['', ...throughRedis.map(({ name }) => name)], ...redisRows.filter(isPlainHit).map(latencyRow)]),
    `Hits in memory, of an object and of text, in µs, and whether each caller has a copy of its own; then ${stampedeText}: how often the factory ran, and the slowest call in ms.`,
    markdown([['', 'object', 'text', 'a copy', 'runs', 'slowest call'], ...libraryRows(memoryRows, stampede)]),
    'Further, of keyedcache:',
    markdown([['', 'Measured'], ...otherRows(cluster, express, rest)]),
    `Each library is used as its documentation shows: ${versions()}. layered-loader is in its last version for Node 20, which keyedcache is for too.`,
  ].join('\n\n')
}

function isPlainHit({ name }) {
  return name.startsWith('hit, ')
}

function rateRow({ name, blocks }) {
  const raw = blocks.get(ioredis.name)
  const cells = OTHERS.map((library) => {
    const own = blocks.get(library.name)
    return own === undefined ? NONE : timesOf(own, raw).toFixed(2)
  })
  return [name, whole(median(raw.rates)), ...cells]
}

function latencyRow({ name, blocks }) {
  const cells = throughRedis.map((library) => {
    const { latencies } = blocks.get(library.name)
    return `${percentile(latencies, 0.5).toFixed(2)} / ${percentile(latencies, 0.99).toFixed(2)}`
  })
  return [name, ...cells]
}

function libraryRows(memoryRows, stampede) {
  return withMemory.map(({ name }) => {
    const memory = memoryRows.find((row) => row.name === name)
    const storm = stampede.find((row) => row.name === name)
    return [
      name,
      ...(memory === undefined
        ? ['not measured', 'not measured', NONE]
        : [microseconds(memory.object), microseconds(memory.text), memory.copies ? 'yes' : 'no']),
      ...(storm === undefined ? [NONE, NONE] : [`${storm.runs}`, storm.slowestMs.toFixed(0)]),
    ]
  })
}

function otherRows(
  cluster,
  express,
  { coherence, requestHitUs, keysPerSecond, setServerUs, mergedServerUs, rawServerUs },
) {
  const times = timesOf(cluster.get(keyedcache.name), cluster.get(ioredis.name))
  return [
    ['a hit in `req.cache`, of an object', `${requestHitUs.toFixed(2)} µs`],
    ["keys built, `['product', 123]`", `${whole(keysPerSecond)}/s`],
    ['hit, 64 callers, Cluster of 3 masters', `${times.toFixed(2)} times the Cluster client of ioredis`],
    [
      'server time of one `set`, including its place in the index',
      `${setServerUs.toFixed(1)} µs, of 64 callers ${mergedServerUs.toFixed(1)} µs; \`SET\` alone ${rawServerUs.toFixed(1)} µs`,
    ],
    [`${coherenceText}, seen by all: median / 99th percentile`, lag(coherence.calm)],
    ['the same, the connections that tell of changes cut twice a second', lag(coherence.cut)],
    // The ratio is taken within each round: it does not follow from the two medians of µs, so only one of the figures is given.
    ...express.map(({ name, us, ratio }) => [
      `CPU of one Express request: ${name}`,
      ratio === 1 ? `${us.toFixed(0)} µs` : `${ratio.toFixed(2)} times that without, in the same round`,
    ]),
  ]
}

function lag({ medianMs, p99Ms, neverSeen }) {
  return `${medianMs.toFixed(1)} / ${p99Ms.toFixed(1)} ms; ${neverSeen} not seen`
}

function versions() {
  return [...throughRedis, embedded]
    .filter(({ name }) => ![keyedcache.name, embedded.name].includes(name) && !name.includes(','))
    .map(
      ({ name, package: packed = name, docs }) =>
        `[${name}](${docs}) ${name === ioredis.name ? versionOf(packed, '../../../node_modules') : versionOf(packed, 'node_modules')}`,
    )
    .join(', ')
}

function versionOf(packed, modules) {
  return JSON.parse(readFileSync(new URL(`${modules}/${packed}/package.json`, import.meta.url), 'utf8')).version
}

function microseconds({ rates }) {
  return (1e6 / median(rates)).toFixed(2)
}

function whole(value) {
  return Math.round(value).toLocaleString('en')
}
