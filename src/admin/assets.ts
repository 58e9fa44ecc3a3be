import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A file that pages load. */
export interface Asset {
  readonly type: string
  readonly bytes: Buffer
  /** Changes when the content does. */
  readonly version: string
  /** Its address below the mount, with its version. */
  readonly url: string
}

const TYPES = {
  'base.css': 'text/css; charset=utf-8',
  'dashboard.css': 'text/css; charset=utf-8',
  'dashboard.js': 'text/javascript; charset=utf-8',
  'dashboard.svg': 'image/svg+xml',
} as const

/** The name of an asset. */
export type AssetName = keyof typeof TYPES

/** The file that pages for strangers load too. It says nothing about the cache. */
export const FOR_EVERYBODY: AssetName = 'base.css'

const FOLDER = join(import.meta.dirname, '../../public')

/** Reads the dashboard's assets, once. No other file is ever served. */
export function readAssets(): ReadonlyMap<AssetName, Asset> {
  return new Map(
    Object.entries(TYPES).map(([name, type]) => {
      const bytes = readFileSync(join(FOLDER, name))
      const version = createHash('sha256').update(bytes).digest('base64url').slice(0, 12)
      return [name as AssetName, { type, bytes, version, url: `assets/${name}?v=${version}` }]
    }),
  )
}
