import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pack } from '../support/pack.js'

const run = promisify(execFile)
const EXAMPLES = join(import.meta.dirname, '../../examples')

/** A clone of which only what would be published and the examples are left. */
export interface Clone {
  /** Installs an example as its README says, then these packages in place of its own. Gives its folder. */
  install(example: string, packages?: readonly string[]): Promise<string>
  remove(): Promise<void>
}

/** Packs the package and unpacks it where the examples look for it: two folders above them. */
export async function clone(): Promise<Clone> {
  const work = await mkdtemp(join(tmpdir(), 'keyedcache-examples-'))
  const root = join(work, 'keyedcache')
  await mkdir(root)
  const { tarball } = await pack(work)
  await run('tar', ['-xzf', tarball, '-C', root, '--strip-components=1'])
  let folders = 0
  return {
    async install(example, packages = []) {
      const folder = join(root, 'examples', `${example}-${folders++}`)
      const isInstalled = (path: string): boolean => path.endsWith('/node_modules') || path.endsWith('/dist')
      await cp(join(EXAMPLES, example), folder, { recursive: true, filter: (path) => !isInstalled(path) })
      await npm(folder, 'ci')
      if (packages.length > 0) await npm(folder, 'install', '--no-save', ...packages)
      if (existsSync(join(folder, 'tsconfig.json'))) await run('npm', ['run', 'build'], { cwd: folder })
      return folder
    },
    remove: () => rm(work, { recursive: true, force: true }),
  }
}

async function npm(cwd: string, command: string, ...args: string[]): Promise<void> {
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  await run('npm', [command, ...flags, ...args], { cwd })
}
