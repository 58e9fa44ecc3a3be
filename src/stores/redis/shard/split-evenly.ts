/** Divides items into `count` parts of about the same size: fewer, so that each has at least `least` items; more, so that none has over `most`. */
export function splitEvenly<T>(items: readonly T[], count: number, least: number, most: number): (readonly T[])[] {
  const size = Math.min(Math.max(Math.ceil(items.length / count), least), most)
  const all: (readonly T[])[] = []
  for (let at = 0; at < items.length; at += size) all.push(items.slice(at, at + size))
  return all
}
