// Minifies one deploy of the application in names: node minify.mjs <how> <first or second> <folder>. It begins at main.mjs.
// Lines that end in `// named` are left out, unless the environment has NAMED.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { transform as swc } from '@swc/core'
import { build, transform } from 'esbuild'
import webpack from 'webpack'

const NAMES = fileURLToPath(new URL('./names/', import.meta.url))
const [how, deploy, folder] = process.argv.slice(2)

/** The modules without types and decorators, as `tsc` leaves them. */
async function compiled() {
  const to = `${folder}/source`
  await mkdir(to)
  for (const file of await readdir(NAMES)) {
    const source = await readFile(`${NAMES}${file}`, 'utf8')
    const lines = source.split('\n').filter((line) => process.env.NAMED || !line.endsWith('// named'))
    const { code } = await transform(lines.join('\n'), { loader: 'ts', target: 'node20' })
    await writeFile(`${to}/${file.replace('.ts', '.js')}`, code)
  }
  return to
}

async function fileByFile(from, minify) {
  for (const file of await readdir(from)) {
    await writeFile(`${folder}/${file}`, await minify(await readFile(`${from}/${file}`, 'utf8')))
  }
  await writeFile(`${folder}/main.mjs`, `import './${deploy}.js'\n`)
}

async function bundle(entry, options) {
  const outfile = `${folder}/main.mjs`
  await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outfile,
    ...options,
  })
}

async function pack(entry, optimization) {
  const compiler = webpack({
    mode: 'production',
    target: 'node20',
    entry,
    optimization,
    experiments: { outputModule: true },
    externals: { keyedcache: 'module keyedcache' },
    output: { path: folder, filename: 'main.mjs', module: true, chunkFormat: 'module', library: { type: 'module' } },
  })
  const stats = await new Promise((resolve, reject) => {
    compiler.run((error, result) => (error ? reject(error) : resolve(result)))
  })
  if (stats.hasErrors()) throw new Error(stats.toString('errors-only'))
}

const WAYS = {
  'esbuild --minify': (from) => bundle(`${from}/${deploy}.js`, { minify: true }),
  'esbuild --minify --keep-names': (from) => bundle(`${from}/${deploy}.js`, { minify: true, keepNames: true }),
  'esbuild --minify, file by file': (from) =>
    fileByFile(from, async (source) => (await transform(source, { minify: true, format: 'esm' })).code),
  webpack: (from) => pack(`${from}/${deploy}.js`, {}),
  'webpack, each module by itself': (from) => pack(`${from}/${deploy}.js`, { concatenateModules: false }),
  'swc, file by file': (from) =>
    fileByFile(from, async (source) => {
      const minify = { compress: { toplevel: true, module: true }, mangle: { toplevel: true }, module: true }
      const { code } = await swc(source, { isModule: true, minify: true, jsc: { target: 'es2022', minify } })
      return code
    }),
}

await WAYS[how](await compiled())
