import { createHash } from 'node:crypto'
import { outside } from '../checks/outside.js'

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

let loading: Promise<ReadonlyMap<AssetName, Asset>> | undefined

/** The dashboard's assets, loaded at the first request to a dashboard. No other file can be asked for. */
export async function loadAssets(): Promise<ReadonlyMap<AssetName, Asset>> {
  loading ??= outside(load)
  return loading
}

async function load(): Promise<ReadonlyMap<AssetName, Asset>> {
  const { assets } = await import('./dashboard-files.js')
  return new Map(
    Object.entries(TYPES).map(([name, type]) => {
      const bytes = Buffer.from(assets[name] ?? '')
      const version = createHash('sha256').update(bytes).digest('base64url').slice(0, 12)
      return [name as AssetName, { type, bytes, version, url: `assets/${name}?v=${version}` }]
    }),
  )
}
