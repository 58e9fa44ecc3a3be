// Keeps the numbers of the overview fresh. Only text changes, so focus, selection and scroll stay where they are.
const stats = document.querySelector('[data-stats]')
if (stats) start(stats.dataset.stats)

function start(url) {
  const REFRESH_MS = 5000
  const SLOWEST_MS = 60_000
  const pause = document.querySelector('[data-pause]')
  const status = document.querySelector('[data-status]')
  const down = document.querySelector('[data-down]')
  let waitMs = REFRESH_MS
  let timer
  let isPaused = false
  let isUnderWay = false

  pause.hidden = false
  pause.addEventListener('click', () => {
    isPaused = !isPaused
    pause.setAttribute('aria-pressed', String(isPaused))
    if (isPaused) clearTimeout(timer)
    else void refresh()
  })
  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer)
    if (!document.hidden && !isPaused) void refresh()
  })
  plan()

  function plan() {
    clearTimeout(timer)
    if (!document.hidden && !isPaused) timer = setTimeout(() => void refresh(), waitMs)
  }

  async function refresh() {
    if (isUnderWay) return
    isUnderWay = true
    try {
      const response = await fetch(url, { headers: { Accept: 'application/json' }, cache: 'no-store' })
      if (response.status === 401 || response.status === 403) return signedOut()
      if (!response.ok) throw new Error(`status ${response.status}`)
      show(await response.json())
      waitMs = REFRESH_MS
    } catch {
      waitMs = Math.min(waitMs * 2, SLOWEST_MS)
      say('These numbers could not be refreshed. Trying again.')
    } finally {
      isUnderWay = false
    }
    plan()
  }

  function signedOut() {
    isPaused = true
    pause.hidden = true
    say('You have been signed out. Use Refresh to sign in again.')
  }

  function show(numbers) {
    const { backend } = numbers
    say('')
    write('hitRate', numbers.hitRate === null ? '—' : percent(numbers.hitRate))
    write(
      'hitRateNote',
      numbers.hitRate === null
        ? 'No calls yet'
        : `of ${number(numbers.calls)} ${numbers.calls === 1 ? 'call' : 'calls'}`,
    )
    for (const name of ['calls', 'hits', 'misses', 'computations', 'errors']) write(name, number(numbers[name]))
    write('keys', numbers.keys === null ? 'unavailable' : number(numbers.keys))
    write('saved', span(numbers.savedMs / 1000))
    write('state', backend.up ? 'up' : 'down')
    document.querySelector('[data-state]').dataset.state = backend.up ? 'up' : 'down'
    const measured = backend.roundTripMs === null ? 'not measured yet' : span(backend.roundTripMs / 1000)
    write('roundTrip', backend.up ? measured : 'no answer')
    if (!backend.up) write('since', `${backend.since.slice(0, 19).replace('T', ' ')} UTC`)
    if (down.hidden !== backend.up) down.hidden = backend.up
    for (const group of numbers.groups) showGroup(group)
  }

  function showGroup({ group, calls, hits }) {
    const row = document.querySelector(`[data-group="${CSS.escape(group)}"]`)
    if (!row) return
    const cells = { calls: number(calls), hits: number(hits), hitRate: calls === 0 ? '—' : percent(hits / calls) }
    for (const [name, text] of Object.entries(cells)) put(row.querySelector(`[data-cell="${name}"]`), text)
  }

  function say(text) {
    put(status, text)
  }

  function write(name, text) {
    put(document.querySelector(`[data-live="${name}"]`), text)
  }
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text
}

function number(value) {
  return new Intl.NumberFormat('en').format(value)
}

function percent(rate) {
  return `${new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(rate * 100)} %`
}

function span(seconds) {
  const count = (value) => new Intl.NumberFormat('en', { maximumFractionDigits: 1 }).format(value)
  for (const [length, name] of [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
  ]) {
    if (seconds >= length) return `${count(seconds / length)} ${name}${count(seconds / length) === '1' ? '' : 's'}`
  }
  return seconds < 1 ? `${count(seconds * 1000)} ms` : `${count(seconds)} s`
}
