/**
 * Divides items into about `count` parts of the same size. There are fewer if a part would have less than `least` items, and more if it
 * would have over `most`.
 */
export function splitEvenly<T>(items: readonly T[], count: number, least: number, most: number): (readonly T[])[] {
  const size = Math.min(Math.max(Math.ceil(items.length / count), least), most)
  const all: (readonly T[])[] = []
  for (let at = 0; at < items.length; at += size) all.push(items.slice(at, at + size))
  return all
}
