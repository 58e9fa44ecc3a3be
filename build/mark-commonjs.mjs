// Says of dist/cjs that its files are CommonJS, for package.json says of the package that it is ESM.
import { writeFileSync } from 'node:fs'

const text = JSON.stringify({ type: 'commonjs', sideEffects: false })
writeFileSync(new URL('../dist/cjs/package.json', import.meta.url), `${text}\n`)
