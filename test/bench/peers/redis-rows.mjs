import { isDeepStrictEqual } from 'node:util'
import { interleave } from './blocks.mjs'
import { throughRedis } from './libraries.mjs'
import { valueOf } from './values.mjs'

const KEYS = 1000
const MANY = 100

/** Ids that no library has stored yet. */
let fresh = 1_000_000_000

/** How many callers read and write what, and how many calls make a block: enough that beginning and end of a block count little. */
const ROWS = [
  { name: 'hit, 1 caller', what: hit, bytes: 300, callers: 1, calls: 200 },
  { name: 'hit, 8 callers', what: hit, bytes: 300, callers: 8, calls: 200 },
  { name: 'hit, 64 callers', what: hit, bytes: 300, callers: 64, calls: 640 },
  { name: 'hit, 256 callers', what: hit, bytes: 300, callers: 256, calls: 1280 },
  { name: 'set, 1 caller', what: write, bytes: 300, callers: 1, calls: 200 },
  { name: 'set, 64 callers', what: write, bytes: 300, callers: 64, calls: 640 },
  { name: `getMany of ${MANY}, 1 caller`, what: hitMany, bytes: 300, callers: 1, calls: 10 },
  { name: 'hit of 100 B, 64 callers', what: hit, bytes: 100, callers: 64, calls: 640 },
  { name: 'hit of 2 KB, 64 callers', what: hit, bytes: 2048, callers: 64, calls: 320 },
  { name: 'hit of 100 KB, 8 callers', what: hit, bytes: 102_400, callers: 8, calls: 16, keys: 16 },
  // Last, since the first factory that keyedcache runs turns on AsyncLocalStorage, which slows all promises of a process down.
  { name: 'getOrSet that misses, 8 callers', what: miss, bytes: 300, callers: 8, calls: 200 },
]

/** Measures all libraries on one server. Gives for each row the blocks of each library that can do it. */
export async function measureRedisRows(backend, rounds, tell) {
  const opened = []
  for (const { name, throughRedis: open } of throughRedis) opened.push({ name, library: await open(backend) })
  const measured = []
  let stored
  for (const row of ROWS) {
    if (stored !== row.bytes) {
      for (const { name, library } of opened) await fill(name, library, row)
      stored = row.bytes
    }
    const subjects = opened.flatMap(({ name, library }) => {
      const call = row.what(library, row)
      return call === undefined ? [] : [{ name, call }]
    })
    tell(row.name)
    measured.push({ ...row, blocks: await interleave(subjects, { callers: row.callers, calls: row.calls, rounds }) })
  }
  for (const { library } of opened) await library.close()
  return measured
}

/** Stores the values that are read, and checks that they come back as they were. */
export async function fill(name, library, { bytes, keys = KEYS }) {
  for (let number = 0; number < keys; number++) {
    const id = idOf(bytes, number)
    const value = { ...valueOf(bytes), id }
    await (library.set === undefined ? library.getOrSet(id, async () => value) : library.set(id, value))
    const found = await library.get(id)
    if (!isDeepStrictEqual(found, value)) throw new Error(`${name} gave ${JSON.stringify(found)} for ${id}`)
  }
}

/** Values of another size have other ids, since not every library can overwrite. */
function idOf(bytes, number) {
  return bytes * KEYS + number
}

function hit(library, { bytes, keys = KEYS }) {
  return (number) => library.get(idOf(bytes, number % keys))
}

function write({ set }, { bytes, keys = KEYS }) {
  const value = valueOf(bytes)
  return set && ((number) => set(idOf(bytes, number % keys), value))
}

function hitMany({ getMany }, { bytes, keys = KEYS }) {
  return (
    getMany && ((number) => getMany(Array.from({ length: MANY }, (_, i) => idOf(bytes, (number * MANY + i) % keys))))
  )
}

function miss({ getOrSet }, { bytes }) {
  const value = valueOf(bytes)
  return () => getOrSet(fresh++, async () => value)
}
