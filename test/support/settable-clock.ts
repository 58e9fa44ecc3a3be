import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A clock for a program that Debian's faketime runs. It can be set while the program runs. Its monotonic clock is left alone. */
export class SettableClock {
  readonly #folder = mkdtempSync(join(tmpdir(), 'keyedcache-clock-'))
  /** The environment of the program. */
  readonly env: Readonly<Record<string, string>>

  constructor() {
    const library = execFileSync('faketime', ['-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' }).trim()
    this.env = {
      // The allocator of Redis asks for the time before faketime is ready, so that of the system takes its place.
      LD_PRELOAD: `${library}:libc.so.6`,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    }
    this.set(0)
    onTestFinished(() => rmSync(this.#folder, { recursive: true, force: true }))
  }

  /** Sets the clock so many seconds ahead of the system's. */
  set(aheadSeconds: number): void {
    writeFileSync(this.#file, `${aheadSeconds < 0 ? '' : '+'}${aheadSeconds}`)
  }

  get #file(): string {
    return join(this.#folder, 'clock')
  }
}
