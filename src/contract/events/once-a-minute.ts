/** How long the same is not told again. */
export const SILENCE_MS = 60_000

/** Lets the same through at most once a minute, and counts what it holds back. Names are not anybody's text: they are all kept. */
export class OnceAMinute {
  readonly #silent = new Map<string, { readonly untilMs: number; heldBack: number }>()

  /** How many of this name were held back since the last one that was let through; `undefined` where this one is held back too. */
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

/** What a line says of those that were held back before it. */
export function heldBackText(count: number): string {
  return count === 0 ? '' : `, and ${count} times more before`
}
