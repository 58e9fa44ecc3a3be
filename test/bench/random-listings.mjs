import { cacheKey, createKeyedCache } from '../../dist/index.js'

const KEYS_A_TREE = 600
const LISTINGS_A_TREE = 20
const DEPTH = 4
/** Segments whose order by bytes differs from what one would guess: beside `::` and its follower, and beyond ASCII. */
const SEGMENTS = ['1', '10', '1;', '1:x', '1 ', '2', 'a', 'A', 'a/b', '%', '', '-', 'é', '\u{ff5e}', '\u{1f600}']

/** Lists levels of random trees page by page and compares them with brute force. Gives the number of pages; throws where one is wrong. */
export async function checkRandomListings(backend, listings, seed) {
  const cache = createKeyedCache({ redis: backend.redis, keyPrefix: 'bench-listings', redisTimeout: '2s' })
  const random = mulberry32(seed)
  let pages = 0
  let keys = []
  try {
    for (let done = 0; done < listings; done++) {
      if (done % LISTINGS_A_TREE === 0) {
        await cache.clear()
        keys = randomKeys(random)
        await cache.setMany(keys.map((key) => [key, 1]))
      }
      const under = random() < 0.3 ? undefined : pick(random, groups(keys))
      const limit = random() < 0.2 ? 1000 : 1 + Math.floor(random() * 8)
      pages += await compare(cache, keys, under, limit, seed)
    }
  } finally {
    await cache.close()
  }
  return pages
}

async function compare(cache, keys, under, limit, seed) {
  const wanted = level(keys, under)
  const found = []
  let pages = 0
  let after
  do {
    const page = await cache.children(under, { after, limit })
    if (page.children.length > limit) throw new Error(`${page.children.length} children on a page of ${limit}`)
    found.push(...page.children.map(({ key, isKey, count }) => `${key} ${isKey} ${count}`))
    after = page.next
    pages += 1
  } while (after !== undefined && pages <= wanted.length + 1)
  if (found.join('\n') === wanted.join('\n')) return pages
  throw new Error(
    `children of ${JSON.stringify(under)} by ${limit} (seed ${seed}) gave\n${found.join('\n')}\ninstead of\n${wanted.join('\n')}`,
  )
}

/** What a listing of that level must give. */
function level(keys, under) {
  const prefix = under === undefined ? '' : `${under}::`
  const children = new Map()
  for (const key of keys) {
    if (!key.startsWith(prefix)) continue
    const end = key.indexOf('::', prefix.length)
    const name = end === -1 ? key : key.slice(0, end)
    const child = children.get(name) ?? { isKey: false, count: 0 }
    children.set(name, end === -1 ? { ...child, isKey: true } : { ...child, count: child.count + 1 })
  }
  return [...children]
    .map(([key, { isKey, count }]) => ({ place: isKey ? key : `${key}::`, line: `${key} ${isKey} ${count}` }))
    .toSorted((a, b) => Buffer.compare(Buffer.from(a.place), Buffer.from(b.place)))
    .map(({ line }) => line)
}

function randomKeys(random) {
  const keys = Array.from({ length: KEYS_A_TREE }, () => {
    const depth = 1 + Math.floor(random() * DEPTH)
    return cacheKey(...Array.from({ length: depth }, () => segment(random)))
  })
  return [...new Set(keys)]
}

/** Everything above a key, once for each key below it: so wide levels are listed more often than narrow ones. */
function groups(keys) {
  return keys.flatMap((key) => {
    const parts = key.split('::')
    return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('::'))
  })
}

/** Often one of a few, so that there are groups; else one of many, so that a level is wider than one script lists. */
function segment(random) {
  return random() < 0.6 ? pick(random, SEGMENTS) : `${Math.floor(random() * 400)}`
}

function pick(random, items) {
  return items[Math.floor(random() * items.length)]
}

function mulberry32(seed) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
