import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const NODES = fileURLToPath(new URL('../../nodes', import.meta.url))
const VERSION = '24'

/** The Node that figures are measured by: `BENCH_NODE`, the path of a program, or the one of `test/nodes`, which is installed if need be. */
export function benchNode() {
  if (process.env.BENCH_NODE) return process.env.BENCH_NODE
  const program = `${NODES}/node_modules/node-${VERSION}-${process.arch}/bin/node`
  if (!existsSync(program)) {
    const args = ['install', '--no-save', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
    execFileSync('npm', args, { cwd: NODES, stdio: ['ignore', 'ignore', 'inherit'] })
  }
  return program
}
