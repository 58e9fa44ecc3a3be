/** Rows of cells as a table of Markdown, whose first column is text and whose others are figures. */
export function markdown([head, ...rows], align = '---:') {
  return [head, head.map((_, place) => (place === 0 ? '---' : align)), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/**
 * The cell of a row that has this label, in the column of this name, of the first table of a page that has both.
 * @throws {Error} where no table has them.
 */
export function cellOf(page, label, column) {
  for (const [head, , ...rows] of tablesOf(page)) {
    const [place, row] = [head.indexOf(column), rows.find((cells) => cells.includes(label))]
    if (place !== -1 && row !== undefined) return row[place]
  }
  throw new Error(`No table has a row "${label}" with a column "${column}"`)
}

/** Every table of a page: its rows, each a list of cells, head and line below it included. */
export function tablesOf(page) {
  return (page.match(/^\|.*\|\n(?:^\|.*\|(?:\n|$))+/gm) ?? []).map((table) =>
    table
      .trimEnd()
      .split('\n')
      .map((line) =>
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim()),
      ),
  )
}
