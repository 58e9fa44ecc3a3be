import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url))
const FLAGS = [
  '--ignoreConfig',
  '--noCheck',
  '--noResolve',
  '--module',
  'nodenext',
  '--target',
  'es2023',
  '--types',
  '',
]

/** Compiles one `.mts` module, which may import nothing but types, by `tsc`, and imports what came out. */
export async function importCompiled<T>(module: URL, flags: readonly string[] = []): Promise<T> {
  const source = fileURLToPath(module)
  const folder = await mkdtemp(join(tmpdir(), 'keyedcache-compiled-'))
  try {
    await promisify(execFile)(process.execPath, [TSC, ...FLAGS, ...flags, '--outDir', folder, source])
    const compiled = pathToFileURL(join(folder, basename(source).replace(/\.mts$/, '.mjs')))
    return (await import(/* @vite-ignore */ compiled.href)) as T
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
