// Puts the modules that tsc has compiled into one file for import and one for require, since loading 200 takes two to three times as long.
// What is imported while the program runs stays a file of its own. Comments stay in src, which is published too.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const DIST = fileURLToPath(new URL('../dist/', import.meta.url))

const bundle = await rolldown({ input: `${DIST}index.js`, platform: 'node', external: /^[^./]/ })
const files = { chunkFileNames: '[name].js', comments: false }
await bundle.write({ ...files, format: 'cjs', dir: `${DIST}cjs` })
await bundle.write({ ...files, format: 'es', dir: DIST })
await bundle.close()
// For package.json says of the package that it is ESM
writeFileSync(`${DIST}cjs/package.json`, `${JSON.stringify({ type: 'commonjs', sideEffects: false })}\n`)
