/** The deepest nesting of arrays and objects that is accepted: one for each level of a stored value, and a few for tags. */
const MAX_NESTING = 110
/** Text up to this size cannot be nested deep enough to overflow the stack of a recursive function. */
const SHORT_BYTES = 4096
const ESCAPE = String.raw`\u`

/**
 * Parses a JSON text in UTF-8 from any source.
 * @throws {Error} when it is not JSON, is long and nested too deep, or has a property named `__proto__`, which copying would take for a
 * prototype.
 */
export function parseJson(bytes: Buffer): unknown {
  const text = bytes.toString()
  // `JSON.parse` does not recurse, so any nesting is safe up to here. Checking the value costs a tenth of checking the bytes.
  const value = parse(text)
  if (bytes.length > SHORT_BYTES && isNested(value)) refuseNesting(value, 1)
  // The name may also be written with escapes.
  if (text.includes('__proto__') || text.includes(ESCAPE)) refuseProto(value)
  return value
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The engine's message holds a piece of the text, which is a user's value.
    throw new Error('what is stored is no JSON')
  }
}

function refuseNesting(value: object, level: number): void {
  if (level > MAX_NESTING) throw new Error(`JSON is nested deeper than ${MAX_NESTING} levels`)
  if (Array.isArray(value)) {
    for (const item of value as unknown[]) if (isNested(item)) refuseNesting(item, level + 1)
  } else {
    // `for in` makes no list of the members, as `Object.values` does.
    for (const name in value) {
      const member: unknown = value[name as never]
      if (isNested(member) && Object.hasOwn(value, name)) refuseNesting(member, level + 1)
    }
  }
}

function refuseProto(value: unknown): void {
  if (!isNested(value)) return
  if (Object.hasOwn(value, '__proto__')) throw new Error('JSON holds a property named __proto__')
  for (const member of Object.values(value)) refuseProto(member)
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
