// Keeps the overview fresh, and copies a key. Only text and drawn lines change, so focus, selection and scroll stay where they are.
const REFRESH_MS = 5000
const SLOWEST_MS = 60_000
const one = (selector) => document.querySelector(selector)
const minute = () => new Date().getMinutes()
const number = (value, digits = 0) =>
  new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: 1 }).format(value)
const percent = (hits, calls) => (calls === 0 ? '—' : `${number((hits / calls) * 100, 1)} %`)
if (one('[data-stats]')) start(one('[data-stats]').dataset.stats, one('[data-pause]'))
if (one('[data-copy]') && navigator.clipboard) offerCopy(one('[data-copy]'), one('[role=status]'))

function start(url, pause) {
  let waitMs = REFRESH_MS
  let drawnMinute = minute()
  let timer

  pause.hidden = false
  pause.addEventListener('click', () => {
    pause.ariaPressed = String(pause.ariaPressed === 'false')
    plan(0)
  })
  document.addEventListener('visibilitychange', () => plan(0))
  plan(waitMs)

  function plan(inMs) {
    clearTimeout(timer)
    if (!document.hidden && pause.ariaPressed === 'false') timer = setTimeout(() => void refresh(), inMs)
  }

  async function refresh() {
    try {
      show(await (await ask(url, 'application/json')).json())
      if (drawnMinute !== minute()) redraw(await (await ask(location.href, 'text/html')).text())
      waitMs = REFRESH_MS
    } catch (error) {
      if (error.cause === 'signed out') return signOut()
      waitMs = Math.min(waitMs * 2, SLOWEST_MS)
      put(one('[data-status]'), 'These numbers could not be refreshed. Trying again.')
    }
    plan(waitMs)
  }

  function redraw(html) {
    const fresh = new DOMParser().parseFromString(html, 'text/html').querySelectorAll('[data-chart] *')
    document.querySelectorAll('[data-chart] *').forEach((element, i) => {
      if (fresh[i].hasAttribute('d')) element.setAttribute('d', fresh[i].getAttribute('d'))
      if (fresh[i].childElementCount === 0) put(element, fresh[i].textContent)
    })
    drawnMinute = minute()
  }

  function signOut() {
    pause.hidden = true
    pause.ariaPressed = 'true'
    put(one('[data-status]'), 'You have been signed out.')
    one('[data-signed-out]').hidden = false
  }
}

async function ask(url, accept) {
  const response = await fetch(url, { headers: { Accept: accept }, cache: 'no-store', redirect: 'error' })
  if (response.ok) return response
  throw new Error(`status ${response.status}`, { cause: /401|403/.test(response.status) ? 'signed out' : undefined })
}

function show(stats) {
  const { calls, hits, hitRate, keys, savedMs, backend, scope, processes, groups } = stats
  const state = backend.up ? 'up' : 'down'
  const isBack = backend.up && one('[data-live=state]').dataset.state === 'down'
  put(one('[data-status]'), isBack ? 'The backend answers again.' : '')
  for (const each of document.querySelectorAll('[data-live=state]')) each.dataset.state = state
  one('[data-down]').hidden = backend.up
  one('meter').hidden = hitRate === null
  one('meter').value = hitRate ?? 0
  for (const each of document.querySelectorAll('[data-scope]')) each.hidden = each.dataset.scope !== scope
  const measured = backend.roundTripMs === null ? 'not measured yet' : span(backend.roundTripMs)
  const since = `${backend.since.slice(0, 19).replace('T', ' ')} UTC`
  const texts = { since, state, reason: backend.error ?? '', saved: span(savedMs), processes: number(processes.length) }
  texts.roundTrip = backend.up ? measured : 'no answer'
  texts.hitRate = percent(hits, calls)
  texts.hitRateNote = calls === 0 ? 'No calls yet' : `of ${number(calls)} ${calls === 1 ? 'call' : 'calls'}`
  texts.keys = keys === null ? 'unavailable' : number(keys)
  texts.fallback = number(stats.hitsBy.fallback)
  for (const name of ['calls', 'hits', 'misses', 'stale', 'computations', 'errors']) texts[name] = number(stats[name])
  for (const each of document.querySelectorAll('[data-live]')) put(each, texts[each.dataset.live])
  showGroups(groups)
}

function showGroups(groups) {
  const rest = { row: one('[data-rest]'), calls: 0, hits: 0, computations: 0, computeMs: 0, savedMs: 0 }
  const rows = new Map(Array.from(document.querySelectorAll('[data-group]'), (row) => [row.dataset.group, row]))
  const others = groups.filter(({ group }) => !rows.has(group))
  for (const other of others) for (const name of Object.keys(rest).slice(1)) rest[name] += other[name]
  for (const { row, group, calls, hits, computations, computeMs, savedMs } of [...groups, rest]) {
    const mean = computations === 0 ? '—' : span(computeMs / computations)
    const texts = [number(calls), number(hits), percent(hits, calls), mean, span(savedMs)]
    texts.forEach((text, i) => put((row ?? rows.get(group))?.cells[i + 1], text))
  }
}

function offerCopy(button, status) {
  const key = decodeURIComponent(button.dataset.copy)
  button.hidden = false
  button.addEventListener('click', async () => {
    const [{ reason }] = await Promise.allSettled([navigator.clipboard.writeText(key)])
    put(status, reason === undefined ? 'Copied' : 'The browser did not allow it')
  })
}

function put(element, text) {
  if (element && element.textContent !== text) element.textContent = text
}

function span(ms) {
  const units = { day: 86_400_000, hour: 3_600_000, minute: 60_000 }
  const unit = Object.keys(units).find((name) => ms >= units[name])
  if (unit === undefined) return ms < 1000 ? `${number(ms)} ms` : `${number(ms / 1000)} s`
  const count = number(ms / units[unit])
  return `${count} ${unit}${count === '1' ? '' : 's'}`
}
