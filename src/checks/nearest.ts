/** The known name that a wrong name is most like: at most two letters are different, whatever their case. `undefined` when none is. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  if (name.length > 40) return undefined
  const near = known
    .map((each) => ({ each, distance: editDistance(name.toLowerCase(), each.toLowerCase()) }))
    .filter(({ each, distance }) => distance <= Math.min(2, each.length / 3))
  return near.toSorted((a, b) => a.distance - b.distance)[0]?.each
}

/** How many letters must be added, left out, changed or swapped with the next to make one word of the other. */
function editDistance(a: string, b: string): number {
  let [before, last]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, i) => i)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      row[j] = Math.min((last![j] as number) + 1, (row[j - 1] as number) + 1, (last![j - 1] as number) + same)
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwapped) row[j] = Math.min(row[j] as number, (before![j - 2] as number) + 1)
    }
    before = last
    last = row
  }
  return last![b.length] as number
}
