/** Items in so many pieces, alike in size: fewer where they would have less than `least` items, more where they would have more than `most`. */
export function pieces<T>(items: readonly T[], count: number, least: number, most: number): (readonly T[])[] {
  const size = Math.min(Math.max(Math.ceil(items.length / count), least), most)
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}
