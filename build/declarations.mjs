// Removes the declarations that the public types do not lead to: users of the package see nothing of them.
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const DIST = fileURLToPath(new URL('../dist/', import.meta.url))

for (const folder of [DIST, join(DIST, 'cjs')]) {
  const needed = ledTo(join(folder, 'index.d.ts'))
  for (const path of readdirSync(folder, { recursive: true })) {
    const isOfRequire = folder === DIST && /^(cjs|demo)\b/.test(path)
    const file = join(folder, path)
    if (!isOfRequire && path.endsWith('.d.ts') && !needed.has(file))
      for (const each of [file, `${file}.map`]) rmSync(each)
  }
}
removeEmpty(DIST)

/** A declaration and all that it imports. */
function ledTo(file, found = new Set()) {
  if (found.has(file)) return found
  found.add(file)
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from|import) ?\(?['"](\.[^'"]+)\.js['"]/g)) {
    ledTo(join(dirname(file), `${path}.d.ts`), found)
  }
  return found
}

function removeEmpty(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (!statSync(path).isDirectory()) continue
    removeEmpty(path)
    if (readdirSync(path).length === 0) rmSync(path, { recursive: true })
  }
}
