import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('../nodes', import.meta.url))

/** The versions of Node that the package is for. */
export const NODES = ['20', '22', '24', '26'] as const

/** Installs every one of them, once for all tests. */
export default function installNodes(): void {
  const args = ['install', '--no-save', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  execFileSync('npm', args, { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] })
}

/** The program of a version. */
export function nodeProgram(version: string): string {
  return `${FOLDER}/node_modules/node-${version}-${process.arch}/bin/node`
}
