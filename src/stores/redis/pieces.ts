const PARTS = 2

/**
 * Items that are sent together, as two commands: Redis carries out one while this process puts the other together, or takes its answer
 * apart. Each has at least `least` of them, the last one maybe fewer, and at most `most`.
 */
export function pieces<T>(items: readonly T[], most: number, least: number): (readonly T[])[] {
  const size = Math.min(Math.max(Math.ceil(items.length / PARTS), least), most)
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}
