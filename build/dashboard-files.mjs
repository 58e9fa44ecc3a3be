// Writes src/admin/dashboard-files.ts: the views as functions that EJS has compiled, and the styles and scripts as text. So the package reads no
// file while it runs, evaluates no text, and bundlers find all of it by following imports.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import ejs from 'ejs'

const ROOT = new URL('../', import.meta.url)

/** The files of a folder by name, without its subfolders: those are the demo's. */
function textsIn(folder) {
  const files = readdirSync(new URL(folder, ROOT), { withFileTypes: true }).filter((entry) => entry.isFile())
  return files
    .map(({ name }) => [name, readFileSync(new URL(folder + name, ROOT), 'utf8')])
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}

function compiled([name, text]) {
  const view = new ejs.Template(text, { filename: name, strict: true, localsName: 'v', compileDebug: false })
  view.compile()
  return `  ${JSON.stringify(name.replace(/\.ejs$/, ''))}: function (v, escapeFn, include) {\n${view.source}  },\n`
}

function quoted([name, text]) {
  return `  ${JSON.stringify(name)}: ${JSON.stringify(text)},\n`
}

writeFileSync(
  new URL('src/admin/dashboard-files.ts', ROOT),
  `// @ts-nocheck
// Made by build/dashboard-files.mjs from views/*.ejs and public/*. Not in Git.

/** A view as a function that makes HTML of what it is given. */
export type CompiledView = (
  v: object,
  escapeFn: (value: string | number | null | undefined) => string,
  include: (view: string, more?: object) => string,
) => string

/** The views, by name. */
export const views: Readonly<Record<string, CompiledView>> = {
${textsIn('views/').map(compiled).join('')}}

/** What pages load, by name. */
export const assets: Readonly<Record<string, string>> = {
${textsIn('public/').map(quoted).join('')}}
`,
)
