import { createHash } from 'node:crypto'

/** A Lua script and the name under which Redis keeps it. */
export interface Script {
  readonly source: string
  readonly sha1: string
}

/** Makes a script from its source. */
export function script(source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex') }
}
