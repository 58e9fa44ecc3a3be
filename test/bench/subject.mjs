import { createKeyedCache } from '../../dist/index.js'
import { Samples, timed } from './measure.mjs'

const PREFIX = 'bench'
const VALUE = 'x'.repeat(200)
const CHUNK = 500
const CHUNKS_AT_ONCE = 4
const GROUPS = 1000
/** One group has a tenth of all keys, the others share the rest. */
const BIG_GROUP = 500
/** It is made of parts of that many keys, written far from each other: each round deletes one, as it was filled. */
const PART = 1000
const PLAIN = 'plain:'
const READS_A_ROUND = 20
const SCAN_COUNT = 1000

const ROOT = 'product'
const BIG = `${ROOT}::${padded(BIG_GROUP, 4)}`
const SMALL = `${ROOT}::0250`

/** A backend filled with a number of keys, and what is measured on it. */
export class Subject {
  samples = new Samples()
  /** How often the benchmark itself has sent SCAN. */
  ownScans = 0
  #sorted
  #parts

  constructor(backend, size) {
    this.backend = backend
    this.size = size
    this.label = `${backend.label}, ${size.toLocaleString('en')}`
    this.cache = createKeyedCache({ redis: backend.redis, keyPrefix: PREFIX, redisTimeout: '2s', ttl: '1d' })
    this.#parts = size / 10 / PART
    this.keys = Array.from({ length: size }, (_, i) => this.#keyAt(i))
    this.#sorted = this.keys.toSorted()
  }

  /** Writes all keys through the cache; `endMs` is a moment of `Date.now()` at which they expire together. Gives the seconds it took. */
  async fill(endMs) {
    const waiting = this.keys[Symbol.iterator]()
    const writeChunks = async () => {
      for (;;) {
        const keys = [...take(waiting, CHUNK)]
        if (keys.length === 0) return
        const options = endMs === undefined ? {} : { ttl: (endMs - Date.now()) / 1000 }
        await this.#write(keys, options)
      }
    }
    const [ms] = await timed(() => Promise.all(Array.from({ length: CHUNKS_AT_ONCE }, writeChunks)))
    return ms / 1000
  }

  /** One sample of each delete and some of each read, checked for what they gave. */
  async round(turn) {
    const part = turn % this.#parts
    const keys = this.#keysOfPart(part)
    await Promise.all(keys.map((key) => this.backend.client.set(PLAIN + key, VALUE)))
    for (const name of turn % 2 === 0 ? ['scan', 'delete'] : ['delete', 'scan']) {
      if (name === 'scan') await this.#deleteByScan()
      else await this.#deleteChildren(part)
    }
    for (let start = 0; start < PART; start += CHUNK) await this.#write(keys.slice(start, start + CHUNK))
    for (let i = 0; i < READS_A_ROUND; i++) await this.#reads()
  }

  /** Deletes the big group. Gives the ms it took. */
  async deleteBigGroup() {
    const [ms, removed] = await timed(() => this.cache.delete(BIG, { children: true }))
    expect(`${this.label}: keys removed with the big group`, removed.length, this.size / 10)
    expect(`${this.label}: keys left`, await this.cache.count(), this.size - this.size / 10)
    return ms
  }

  /** Bytes of both sorted sets. */
  async indexBytes() {
    const sizes = await Promise.all(
      this.#indexNames().map((name) => this.backend.client.memory('USAGE', name, 'SAMPLES', 1000)),
    )
    return sizes.reduce((sum, size) => sum + (size ?? 0), 0)
  }

  /** Members of both sorted sets, without the sentinel. */
  async indexMembers() {
    const { client } = this.backend
    const counts = await Promise.all(
      this.#indexNames().map(async (name) => {
        const [members, sentinel] = await Promise.all([client.zcard(name), client.zscore(name, '')])
        return sentinel === null ? members : members - 1
      }),
    )
    return counts.reduce((sum, count) => sum + count, 0)
  }

  /** Every tenth key is in the big group; the others go round the other groups. */
  #keyAt(i) {
    const inBig = Math.floor(i / 10)
    const group =
      i % 10 === 0
        ? `${padded(BIG_GROUP, 4)}::${padded(inBig % this.#parts, 3)}`
        : `${padded(smallGroup(i - 1 - inBig), 4)}::item`
    return `${ROOT}::${group}::${padded(i, 7)}`
  }

  #keysOfPart(part) {
    return Array.from({ length: PART }, (_, i) => this.#keyAt(10 * (part + i * this.#parts)))
  }

  #indexNames() {
    return this.backend.tags.flatMap((tag) => [`${PREFIX}:index:${tag}`, `${PREFIX}:expiry:${tag}`])
  }

  async #write(keys, options) {
    const stored = await this.cache.setMany(
      keys.map((key) => [key, VALUE]),
      options,
    )
    if (!stored) throw new Error(`${this.label}: a write failed`)
  }

  async #deleteChildren(part) {
    const name = `${BIG}::${padded(part, 3)}`
    const [ms, removed] = await timed(() => this.cache.delete(name, { children: true }))
    expect(`${this.label}: children removed of ${name}`, removed.toSorted().join(), this.#keysOfPart(part).join())
    this.samples.add('delete 1,000 children', ms)
  }

  /** What a cache without an index does. */
  async #deleteByScan() {
    const { masters } = this.backend
    const [ms, removed] = await timed(async () => {
      const counts = await Promise.all(masters.map((master) => this.#scanOne(master)))
      return counts.reduce((sum, count) => sum + count, 0)
    })
    expect(`${this.label}: keys removed by SCAN`, removed, PART)
    this.samples.add('SCAN + UNLINK of as many', ms)
  }

  async #scanOne(master) {
    let removed = 0
    let cursor = '0'
    do {
      const [next, names] = await master.scan(cursor, 'MATCH', `${PLAIN}*`, 'COUNT', SCAN_COUNT)
      this.ownScans += 1
      cursor = next
      // On a Cluster one UNLINK takes keys of one slot only.
      const groups = this.backend.masters.length === 1 ? [names] : names.map((name) => [name])
      const counts = await Promise.all(groups.filter((group) => group.length > 0).map((group) => master.unlink(group)))
      removed += counts.reduce((sum, count) => sum + count, 0)
    } while (cursor !== '0')
    return removed
  }

  async #reads() {
    const { size } = this
    for (const [place, start] of Object.entries({ beginning: 0, middle: size / 2, end: size - 50 })) {
      const [ms, page] = await timed(() => this.cache.keys(undefined, { after: this.#sorted[start - 1], limit: 50 }))
      expect(`${this.label}: page at the ${place}`, page.keys.join(), this.#sorted.slice(start, start + 50).join())
      expect(`${this.label}: total of a page`, page.total, size)
      this.samples.add(`page of 50, ${place}`, ms)
    }
    await this.#counted('count of all', undefined, size)
    await this.#counted('count of a group', SMALL, groupSize(size, 250))
    for (const [place, start] of Object.entries({ beginning: 0, middle: 475, end: GROUPS - 50 })) {
      const after = start === 0 ? undefined : `${ROOT}::${padded(start - 1, 4)}::`
      const [ms, page] = await timed(() => this.cache.children(ROOT, { after, limit: 50 }))
      const wanted = Array.from({ length: 50 }, (_, i) => `${padded(start + i, 4)} ${groupSize(size, start + i)}`)
      const found = page.children.map(({ segment, count }) => `${segment} ${count}`)
      expect(`${this.label}: children at the ${place}`, found.join(), wanted.join())
      this.samples.add(`children, 50 of 1,000, ${place}`, ms)
    }
  }

  async #counted(name, under, wanted) {
    const [ms, count] = await timed(() => this.cache.count(under))
    expect(`${this.label}: ${name}`, count, wanted)
    this.samples.add(name, ms)
  }
}

function smallGroup(turn) {
  const group = turn % (GROUPS - 1)
  return group < BIG_GROUP ? group : group + 1
}

function groupSize(size, group) {
  if (group === BIG_GROUP) return size / 10
  const small = size - size / 10
  const turn = group < BIG_GROUP ? group : group - 1
  return Math.floor(small / (GROUPS - 1)) + (turn < small % (GROUPS - 1) ? 1 : 0)
}

function padded(value, digits) {
  return String(value).padStart(digits, '0')
}

function* take(iterator, most) {
  for (let i = 0; i < most; i++) {
    const { value, done } = iterator.next()
    if (done) return
    yield value
  }
}

function expect(what, found, wanted) {
  if (found !== wanted) throw new Error(`${what}: expected ${wanted}, got ${found}`)
}
