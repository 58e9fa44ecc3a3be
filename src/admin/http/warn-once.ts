const warned = new WeakMap<object, Set<string>>()

/** Warns, unless it was warned so of this before, be it a dashboard or a reason: what is wrong once is mostly wrong with every request. */
export function warnOnce(of: object, code: string, message: string): void {
  const codes = warned.get(of) ?? new Set()
  warned.set(of, codes)
  if (codes.has(code)) return
  codes.add(code)
  process.emitWarning(message, { code })
}
