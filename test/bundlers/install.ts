import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pack } from '../support/pack.js'

/** A folder in which the bundlers, the package and some files of this folder are installed. */
export interface Installed {
  readonly folder: string
  remove(): Promise<void>
}

/** Installs the bundlers and the packed package beside these files and folders. */
export async function install(...files: readonly string[]): Promise<Installed> {
  const folder = await mkdtemp(join(tmpdir(), 'keyedcache-bundlers-'))
  for (const file of ['package.json', 'package-lock.json', ...files]) {
    await cp(join(import.meta.dirname, file), join(folder, file), { recursive: true })
  }
  const { tarball } = await pack(folder)
  await npm(folder, 'ci')
  await npm(folder, 'install', '--no-save', tarball)
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

async function npm(cwd: string, command: string, ...args: string[]): Promise<void> {
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  await promisify(execFile)('npm', [command, ...flags, ...args], { cwd })
}
