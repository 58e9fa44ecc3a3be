/** How long a name is held back after it was let through. */
export const SILENCE_MS = 60_000

/** Lets each name through at most once a minute, and counts what it holds back. It keeps all names, so they must not come from users. */
export class OnceAMinute {
  readonly #silent = new Map<string, { readonly untilMs: number; heldBack: number }>()

  /** `undefined` when this one is held back. Otherwise, how many of this name were held back since the last one let through. */
  take(name: string): number | undefined {
    const nowMs = performance.now()
    const silence = this.#silent.get(name)
    if (silence !== undefined && nowMs < silence.untilMs) {
      silence.heldBack++
      return undefined
    }
    this.#silent.set(name, { untilMs: nowMs + SILENCE_MS, heldBack: 0 })
    return silence?.heldBack ?? 0
  }
}

/** The end of a log line: how many were held back before it. */
export function heldBackText(count: number): string {
  return count === 0 ? '' : `, and ${count} times more before`
}
