import { isDeepStrictEqual } from 'node:util'
import { interleave } from './blocks.mjs'
import { withMemory } from './libraries.mjs'
import { valueOf } from './values.mjs'

const KEYS = 100
const CALLS = 2000
/** More commands than that while only memory is read say that it is not. */
const COMMANDS_AT_MOST = 50

const OBJECT = valueOf(300)
const TEXT = 'a text of some thirty characters'

/**
 * Measures hits in memory, of an object and of text, by one caller. Gives for each library the blocks of both and whether callers
 * get copies that are their own; nothing for one that has no memory tier, or does not answer from it.
 */
export async function measureMemoryRows(backend, rounds, tell) {
  const opened = []
  for (const { name, withMemory: open } of withMemory) {
    const library = await open(backend)
    if (library === undefined) continue
    await fill(library)
    if (await isMemory(backend, library)) opened.push({ name, library, copies: await copies(library) })
    else tell(`${name} does not answer from memory`)
  }
  tell('hit in memory')
  const rows = {}
  for (const [kind, first] of [
    ['object', 0],
    ['text', KEYS],
  ]) {
    const subjects = opened.map(({ name, library }) => ({
      name,
      call: (number) => library.get(first + (number % KEYS)),
    }))
    rows[kind] = await interleave(subjects, { calls: CALLS, rounds })
  }
  for (const { library } of opened) await library.close()
  return opened.map(({ name, copies: own }) => ({
    name,
    copies: own,
    object: rows.object.get(name),
    text: rows.text.get(name),
  }))
}

/** Objects first, then text; each is read twice, so that it is where it stays. */
async function fill(library) {
  for (let id = 0; id < 2 * KEYS; id++) {
    const value = id < KEYS ? OBJECT : TEXT
    await (library.set === undefined
      ? library.getOrSet(id, async () => structuredClone(value))
      : library.set(id, structuredClone(value)))
    for (let time = 0; time < 2; time++) {
      const found = await library.get(id)
      if (!isDeepStrictEqual(found, value)) throw new Error(`${JSON.stringify(found)} came back from memory`)
    }
  }
}

async function isMemory({ client }, library) {
  const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await client.info('stats'))[1])
  const before = await commands()
  for (let number = 0; number < CALLS; number++) await library.get(number % KEYS)
  return (await commands()) - before <= COMMANDS_AT_MOST
}

/** Whether what one caller does to a value is hidden from the next one. */
async function copies(library) {
  const mine = await library.get(0)
  mine.tags.push('mine')
  const { tags } = await library.get(0)
  return !tags.includes('mine')
}
