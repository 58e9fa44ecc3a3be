// Bundles app.mjs with all that it imports: node bundle.mjs <how> <folder>. The bundle begins at main.mjs or main.cjs.
import { fileURLToPath } from 'node:url'
import commonjs from '@rollup/plugin-commonjs'
import json from '@rollup/plugin-json'
import nodeResolve from '@rollup/plugin-node-resolve'
import { build as esbuild } from 'esbuild'
import { rollup } from 'rollup'
import { build as vite } from 'vite'
import webpack from 'webpack'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const APP = `${HERE}app.mjs`
// Express asks by require for what is part of Node, which esbuild leaves to a function that ESM has not
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)"

const WAYS = {
  async esbuild(format, outfile, options = {}) {
    const banner = format === 'esm' ? { js: REQUIRE } : {}
    await esbuild({ entryPoints: [APP], bundle: true, platform: 'node', format, outfile, banner, ...options })
  },

  async rollup(format, output) {
    const bundle = await rollup({
      input: APP,
      plugins: [nodeResolve({ preferBuiltins: true, exportConditions: ['node'] }), commonjs(), json()],
      onwarn: () => {},
    })
    await bundle.write({ format, ...output })
  },

  async webpack(options) {
    const compiler = webpack({ mode: 'production', target: 'node20', entry: APP, ...options })
    const stats = await new Promise((resolve, reject) => {
      compiler.run((error, result) => (error ? reject(error) : resolve(result)))
    })
    if (stats.hasErrors()) throw new Error(stats.toString('errors-only'))
  },

  async vite(format, outDir, file) {
    const output = { format, entryFileNames: file }
    await vite({
      root: HERE,
      configFile: false,
      logLevel: 'error',
      build: { ssr: APP, outDir, target: 'node20', rollupOptions: { output } },
      ssr: { noExternal: true },
    })
  },
}

const BUNDLES = {
  'esbuild as ESM': (to) => WAYS.esbuild('esm', `${to}/main.mjs`),
  'esbuild as CommonJS': (to) => WAYS.esbuild('cjs', `${to}/main.cjs`),
  'esbuild --minify as ESM': (to) => WAYS.esbuild('esm', `${to}/main.mjs`, { minify: true }),
  'esbuild --minify as CommonJS': (to) => WAYS.esbuild('cjs', `${to}/main.cjs`, { minify: true }),
  async 'esbuild of an application that uses require'(to) {
    const source = `${HERE}app.cjs`
    await WAYS.esbuild('cjs', source, { packages: 'external' })
    await WAYS.esbuild('cjs', `${to}/main.cjs`, { entryPoints: [source] })
  },
  'Rollup as ESM': (to) => WAYS.rollup('es', { dir: to, entryFileNames: 'main.mjs', chunkFileNames: '[name].mjs' }),
  'Rollup as one file of CommonJS': (to) => WAYS.rollup('cjs', { file: `${to}/main.cjs`, inlineDynamicImports: true }),
  'webpack as ESM': (to) =>
    WAYS.webpack({
      experiments: { outputModule: true },
      output: { path: to, filename: 'main.mjs', chunkFilename: '[id].mjs', module: true, chunkFormat: 'module' },
    }),
  'webpack as CommonJS': (to) =>
    WAYS.webpack({ output: { path: to, filename: 'main.cjs', chunkFilename: '[id].cjs' } }),
  'Vite as ESM': (to) => WAYS.vite('es', to, 'main.mjs'),
  'Vite as CommonJS': (to) => WAYS.vite('cjs', to, 'main.cjs'),
}

const [how, folder] = process.argv.slice(2)
await BUNDLES[how](folder)
