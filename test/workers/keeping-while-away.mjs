// A fallback beside a cache, for judging who judges it: keeps what was computed and set while Redis was away, and answers from there.
const NEVER = -Infinity

/** `isEmptied`: nothing of it is left once Redis is back; `heedsDeletes`: this process's deletes reach it. */
export function keepWhileAway(cache, { forMs, isEmptied = true, heedsDeletes = true }) {
  const kept = new Map()
  const tagged = new Map()
  const changedMs = new Map()
  let isAway = false
  let returns = 0
  let everAway = false
  cache.on('state', ({ up }) => {
    isAway = !up
    everAway ||= isAway
    if (!up) return
    returns += 1
    if (isEmptied) kept.clear()
  })
  const own = {}
  for (const name of ['get', 'getMany', 'getOrSet', 'set', 'delete', 'deleteTag']) own[name] = cache[name].bind(cache)

  function found(key) {
    if (!(isEmptied ? isAway : everAway)) return undefined
    const entry = kept.get(key)
    return entry !== undefined && (!isEmptied || performance.now() < entry.atMs + forMs) ? entry.value : undefined
  }
  function keep(key, value) {
    kept.set(key, { value: structuredClone(value), atMs: performance.now() })
  }
  function forget(key) {
    if (!heedsDeletes) return
    kept.delete(key)
    changedMs.set(key, performance.now())
  }
  async function forgetting(keys, work) {
    for (const key of keys()) forget(key)
    try {
      return await work()
    } finally {
      for (const key of keys()) forget(key)
    }
  }

  cache.get = async (key, options) => found(key) ?? own.get(key, options)
  cache.getMany = async (keys) => {
    const values = await own.getMany(keys)
    return keys.map((key, i) => found(key) ?? values[i])
  }
  cache.getOrSet = async (key, factory, options = {}) => {
    for (const tag of options.tags ?? []) tagged.set(tag, (tagged.get(tag) ?? new Set()).add(key))
    const there = found(key)
    if (there !== undefined) return there
    return own.getOrSet(
      key,
      async (context) => {
        const begun = { isAway, returns, atMs: performance.now() }
        const value = await factory(context)
        const isStill = begun.isAway && isAway && begun.returns === returns
        if (isStill && (changedMs.get(key) ?? NEVER) < begun.atMs) keep(key, value)
        return value
      },
      options,
    )
  }
  cache.set = async (key, value) => {
    changedMs.set(key, performance.now())
    if (isAway) keep(key, value)
    else kept.delete(key)
    return own.set(key, value)
  }
  cache.delete = (key, options) => {
    const isBelow = (each) => each === key || (options?.children === true && each.startsWith(`${key}::`))
    // also what is not kept now, but is being computed
    const keys = () =>
      [...new Set([key, ...kept.keys(), ...[...tagged.values()].flatMap((each) => [...each])])].filter(isBelow)
    return forgetting(keys, () => own.delete(key, options))
  }
  cache.deleteTag = (tag) =>
    forgetting(
      () => [...(tagged.get(tag) ?? [])],
      () => own.deleteTag(tag),
    )
}
