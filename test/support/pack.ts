import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** What would be published. */
export interface Packed {
  /** The file's path. */
  readonly tarball: string
  /** How many bytes it has. */
  readonly size: number
  /** The paths of the files in it. */
  readonly paths: readonly string[]
}

/** Packs the built package into a folder. */
export async function pack(folder: string): Promise<Packed> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const [report] = JSON.parse((await promisify(execFile)('npm', args, { cwd: root })).stdout) as [
    { filename: string; size: number; files: { path: string }[] },
  ]
  return { tarball: join(folder, report.filename), size: report.size, paths: report.files.map((file) => file.path) }
}
