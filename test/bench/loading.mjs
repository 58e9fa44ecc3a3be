// How long the package takes to load beside Express and ioredis, by import and by require: medians of fresh processes, in turns.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROUNDS = 9
const BESIDE = ['express', 'ioredis']
const OURS = { import: '../../dist/index.js', require: '../../dist/cjs/index.js' }
const load = { import: (name) => `await import('${name}')`, require: (name) => `require('${name}')` }

/** How long a process of its own takes to load these modules, in ms. */
function loading(how, names) {
  const program = `const began = performance.now(); ${names.map(load[how]).join('; ')}; process.stdout.write(String(performance.now() - began))`
  const kind = how === 'import' ? 'module' : 'commonjs'
  const args = [`--input-type=${kind}`, '-e', program]
  return Number(execFileSync(process.execPath, args, { cwd: fileURLToPath(new URL('.', import.meta.url)) }))
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[(numbers.length - 1) / 2]
}

for (const how of ['import', 'require']) {
  const [alone, withOurs] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(loading(how, BESIDE))
    withOurs.push(loading(how, [...BESIDE, OURS[how]]))
  }
  const [before, after] = [median(alone), median(withOurs)]
  const line = `${how}, Node ${process.versions.node}: ${BESIDE.join(' and ')} ${before.toFixed(0)} ms, with keyedcache ${after.toFixed(0)} ms`
  process.stdout.write(`${line}: ${(after - before).toFixed(0)} ms more\n`)
}
