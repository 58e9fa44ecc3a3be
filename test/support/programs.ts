import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium } from 'playwright-core'

/** Where `redis-server` is, or `undefined`. */
export function findRedisServer(): string | undefined {
  return onPath('redis-server')
}

/** Where `redis-cli` is, which comes with `redis-server`, or `undefined`. */
export function findRedisCli(): string | undefined {
  return onPath('redis-cli')
}

/** Where `faketime` is, which gives a program another clock, or `undefined`. */
export function findFaketime(): string | undefined {
  return onPath('faketime')
}

/** Where a Chromium is: `CHROMIUM_PATH`, one on the path, or the one that Playwright installs. */
export function findChromium(): string | undefined {
  const given = process.env['CHROMIUM_PATH']
  if (given) {
    if (!isExecutable(given)) throw new Error(`CHROMIUM_PATH is ${JSON.stringify(given)}, where no program is`)
    return given
  }
  const found = ['chromium', 'chromium-browser', 'google-chrome'].map(onPath).find((path) => path !== undefined)
  if (found) return found
  return isExecutable(chromium.executablePath()) ? chromium.executablePath() : undefined
}

function onPath(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.map((folder) => join(folder, program)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
