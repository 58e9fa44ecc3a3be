/** How long an asynchronous call takes, in ms, and what it gave. */
export async function timed(call) {
  const start = performance.now()
  const result = await call()
  return [performance.now() - start, result]
}

/** The value that this share of the others does not exceed. */
export function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN
}

/** The value in the middle. */
export function median(values) {
  return percentile(values, 0.5)
}

/** Samples in ms by their names. */
export class Samples {
  #samples = new Map()

  add(name, ms) {
    const known = this.#samples.get(name)
    if (known === undefined) this.#samples.set(name, [ms])
    else known.push(ms)
  }

  clear() {
    this.#samples.clear()
  }

  names() {
    return [...this.#samples.keys()]
  }

  of(name) {
    return this.#samples.get(name) ?? []
  }

  median(name) {
    return median(this.of(name))
  }
}

/** Rows of text as a table, the first column to the left and the others to the right. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  const line = (row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')
  return `${rows.map(line).join('\n')}\n`
}
