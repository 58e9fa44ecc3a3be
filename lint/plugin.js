import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'

/**
 * The rooms of `src`, the lowest first. A file imports only from its own room and from rooms that stand before it. A room is the files of
 * one folder, without those of its subfolders. A new folder gets its place in the list.
 */
const ROOMS = JSON.parse(readFileSync(new URL('rooms.json', import.meta.url), 'utf8'))

const MAX_FILES = 20

/** The path of a file below `src`; `undefined` for a file that is not there. */
function placeOf(file, cwd) {
  const place = relative(join(cwd, 'src'), file).split(sep).join('/')
  return place.startsWith('../') ? undefined : place
}

/** The place of a room in the order; -1 for a file that is in no room. */
function rankOf(place) {
  return Math.max(ROOMS.indexOf(place), ROOMS.indexOf(dirname(place)))
}

/** No import runs up the order of the rooms, types included. */
const order = {
  create(context) {
    const own = placeOf(context.filename, context.cwd)
    if (own === undefined) return {}
    const check = (source) => {
      if (typeof source?.value !== 'string' || !source.value.startsWith('.')) return
      const file = resolve(dirname(context.filename), source.value).replace(/\.js$/, '.ts')
      const other = placeOf(file, context.cwd)
      if (other === undefined || rankOf(other) <= rankOf(own)) return
      const message = `src/${own} stands below src/${other} in lint/rooms.json: import from your own room or from one that stands before it`
      context.report({ node: source, message })
    }
    return {
      Program(node) {
        if (rankOf(own) >= 0) return
        context.report({ node, message: `src/${own} is in no room: put its folder into lint/rooms.json` })
      },
      ImportDeclaration: ({ source }) => check(source),
      ExportAllDeclaration: ({ source }) => check(source),
      ExportNamedDeclaration: ({ source }) => check(source),
      ImportExpression: ({ source }) => check(source),
      TSImportType: ({ source, argument }) => check(source ?? argument?.literal),
    }
  },
}

/** No folder of `src` has so many files that nobody knows where to look. Said once, at its first file. */
const size = {
  create(context) {
    const own = placeOf(context.filename, context.cwd)
    if (own === undefined) return {}
    return {
      Program(node) {
        const folder = dirname(context.filename)
        const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
        if (files.length <= MAX_FILES || join(folder, files.map(({ name }) => name).toSorted()[0]) !== context.filename)
          return
        const message = `src/${dirname(own)} has ${files.length} files: a folder has at most ${MAX_FILES}, so divide it by subject`
        context.report({ node, message })
      },
    }
  },
}

export default { meta: { name: 'rooms' }, rules: { order, size } }
