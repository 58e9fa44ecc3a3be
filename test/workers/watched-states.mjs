// Notes whether Redis answers this process: by what its cache tells, by its reads, and by what its statistics say.
const STATS_EVERY_MS = 250
/** What tells of a read that got no answer. */
const READS = new Set(['get', 'getMany', 'getOrSet', 'getOrSetMany', 'has', 'acquire'])

/**
 * `read` is down from the first read without an answer until one was answered that must have been sent afterwards: `silenceMs` is how
 * long an answer may be under way.
 */
export function watchStates(cache, now, silenceMs = 250) {
  let noted = []
  let isUnanswered = false
  let unansweredMs = 0
  const note = (by, up, atMs = now(), sinceMs = atMs) => noted.push({ pid: process.pid, by, up, sinceMs, atMs })
  cache
    .on('state', ({ up }) => {
      note('event', up)
      if (up) answered()
    })
    .on('error', ({ operation, error }) => {
      if (!READS.has(operation) || isRefusal(error)) return
      unansweredMs = now()
      if (!isUnanswered) note('read', false)
      isUnanswered = true
    })
    .on('hit', ({ by }) => {
      if (by === 'store' && now() > unansweredMs + silenceMs) answered()
    })
  function answered() {
    if (isUnanswered) note('read', true)
    isUnanswered = false
  }
  let asked = Promise.resolve()
  let isAsking = false
  async function ask() {
    isAsking = true
    const sinceMs = now()
    const { backend } = await cache.stats()
    note('stats', backend.up, now(), sinceMs)
    isAsking = false
  }
  const asking = setInterval(() => {
    if (!isAsking) asked = ask()
  }, STATS_EVERY_MS)
  return {
    take: () => noted.splice(0),
    async stop() {
      clearInterval(asking)
      await asked
    },
  }
}

/** What Redis refuses, it has answered. */
function isRefusal({ name }) {
  return name === 'ReplyError'
}
