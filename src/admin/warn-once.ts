const warned = new WeakMap<object, Set<string>>()

/** Warns, unless this dashboard has warned so before: what is wrong once is mostly wrong with every request. */
export function warnOnce(settings: object, code: string, message: string): void {
  const codes = warned.get(settings) ?? new Set()
  warned.set(settings, codes)
  if (codes.has(code)) return
  codes.add(code)
  process.emitWarning(message, { code })
}
