import { isCacheOption } from '../../src/cache/cache-options.js'

/** Options that a measure gives as soon as there are any of these names: a cache refuses those that it does not know. */
export function whereKnown(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => isCacheOption(name)))
}
