import { createRequire } from 'node:module'

const express = createRequire(import.meta.url)('express')
const warnings = []
process.on('warning', ({ code, message }) => warnings.push({ code, message }))

let copies

/** Loads copies of the package from these folders, one after the other. */
export async function load(entries) {
  copies = []
  for (const entry of entries) copies.push(await import(entry))
}

/** Puts something of somebody else where copies look for what they share. */
export async function occupy(name, value) {
  globalThis[Symbol.for(name)] = value
}

/** The warnings so far. */
export async function warned() {
  await new Promise(setImmediate)
  return warnings
}

/** What the second copy finds of what the first has stored in the default cache. */
export async function stored() {
  const [one, other] = copies
  one.configure({ caches: { default: {} } })
  other.caches()
  await one.cacheSet('x', 'stored')
  return other.cacheGet('x', { default: 'nothing' })
}

/** From where a function of the second copy has its answers in a request through the middleware of the first. */
export async function answered() {
  const [one, other] = copies
  const hits = []
  other.caches().on('hit', ({ by }) => hits.push(by))
  const priceOf = other.cacheFunction(60)(async function priceOf(product) {
    return product.length
  })
  const app = express()
  app.use(one.keyedcache())
  app.get('/', async (_req, res) => res.json([await priceOf('shoe'), await priceOf('shoe')]))
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  await (await fetch(`http://127.0.0.1:${server.address().port}`)).json()
  await new Promise((resolve) => server.close(resolve))
  return hits
}

/** Whether an error of the first copy is one of the second. */
export async function isError() {
  const [one, other] = copies
  return new one.NotCachedError('x') instanceof other.NotCachedError
}

/** Closes the caches of all. */
export async function close() {
  for (const { closeCaches } of copies) await closeCaches()
}
