const LEAST = 16
const PARTS = 2

/**
 * Items that are sent together, as two commands: Redis carries out one while this process puts the other together, or takes its answer
 * apart. What is little stays whole, and no piece has more than `most`.
 */
export function pieces<T>(items: readonly T[], most: number): (readonly T[])[] {
  const size = Math.min(Math.max(Math.ceil(items.length / PARTS), LEAST), most)
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}
