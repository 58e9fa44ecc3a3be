/** A number as tables show it: `0.89`, `15,409,572`, `-0.20`. What follows a letter belongs to a name, such as `p99` or `v24`. */
const NUMBER = /(?<![\w.,])-?\d+(?:,\d{3})*(?:\.\d+)?/g

/**
 * What several launches have told in the same words, as one text: each number is the median of them, and in brackets are the least and the
 * most, where they differ. Gives `undefined` if they did not use the same words.
 */
export function mergeLaunches(texts) {
  if (new Set(texts.map((text) => text.replaceAll(NUMBER, '#'))).size !== 1) return undefined
  const numbers = texts.map((text) => text.match(NUMBER) ?? [])
  let place = 0
  return texts[0].replaceAll(NUMBER, () => {
    const figures = numbers.map((all) => all[place])
    place++
    return together(figures)
  })
}

function together(figures) {
  const sorted = figures.toSorted((a, b) => valueOf(a) - valueOf(b))
  const [least, middle, most] = [sorted[0], sorted[Math.floor((sorted.length - 1) / 2)], sorted.at(-1)]
  return least === most ? middle : `${middle} (${least}–${most})`
}

function valueOf(figure) {
  return Number(figure.replaceAll(',', ''))
}
