/** Items in so many pieces, alike in size: fewer where they would have less than `least` items, more where they would have more than `most`. */
export function splitEvenly<T>(items: readonly T[], count: number, least: number, most: number): (readonly T[])[] {
  const size = Math.min(Math.max(Math.ceil(items.length / count), least), most)
  const all: (readonly T[])[] = []
  for (let at = 0; at < items.length; at += size) all.push(items.slice(at, at + size))
  return all
}
