import { chromium, type Browser } from 'playwright-core'
import { findChromium } from './programs.js'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Opens a real Chromium without a window, with more flags where a test needs them. Close it when the tests end. */
export async function openBrowser(flags: readonly string[] = []): Promise<Browser> {
  const executablePath = findChromium()
  if (!executablePath) throw new Error('No Chromium was found: set CHROMIUM_PATH, or install one')
  return chromium.launch({ executablePath, args: [...FLAGS, ...flags] })
}
