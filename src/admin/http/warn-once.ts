const warned = new WeakMap<object, Set<string>>()

/** Warns once for each reason and code, because what is wrong once is mostly wrong with every request. `of` stands for the reason. */
export function warnOnce(of: object, code: string, message: string): void {
  const codes = warned.get(of) ?? new Set()
  warned.set(of, codes)
  if (codes.has(code)) return
  codes.add(code)
  process.emitWarning(message, { code })
}
