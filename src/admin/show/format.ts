const NUMBER = new Intl.NumberFormat('en')
const ONE_DECIMAL = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const UP_TO_ONE_DECIMAL = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

const UNITS: readonly (readonly [seconds: number, name: string])[] = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
]

/** `12,345`. */
export function number(value: number): string {
  return NUMBER.format(value)
}

/** `1 key`, `12 keys`. */
export function amount(value: number, noun: string): string {
  return `${number(value)} ${value === 1 ? noun : `${noun}s`}`
}

/** `93.0 %`. */
export function percent(rate: number): string {
  return `${ONE_DECIMAL.format(rate * 100)} %`
}

/** `93 %`. */
export function wholePercent(rate: number): string {
  return `${WHOLE.format(rate * 100)} %`
}

/** The part of the calls that were hits, as `93.0 %`; a dash where there were none. */
export function hitRate(hits: number, calls: number): string {
  return calls === 0 ? '—' : percent(hits / calls)
}

/** `5 minutes`, `12 s`, `250 ms`: in the largest unit that the time fills. */
export function span(seconds: number): string {
  for (const [length, name] of UNITS) {
    if (seconds < length) continue
    const count = UP_TO_ONE_DECIMAL.format(seconds / length)
    return `${count} ${count === '1' ? name : `${name}s`}`
  }
  return seconds < 1 ? `${UP_TO_ONE_DECIMAL.format(seconds * 1000)} ms` : `${UP_TO_ONE_DECIMAL.format(seconds)} s`
}

/** `1 hour (3,600 s)`, or `never expires`. */
export function timeout(seconds: number): string {
  if (seconds === Infinity) return 'never expires'
  return seconds < 60 ? span(seconds) : `${span(seconds)} (${number(seconds)} s)`
}

/** `in 5 minutes`, `stale` or `never`. */
export function expiry({ ttl, stale }: { readonly ttl: number; readonly stale: boolean }): string {
  if (stale) return 'stale'
  return ttl === Infinity ? 'never' : `in ${span(ttl)}`
}

/** `512 bytes`, `1.5 KiB`. */
export function bytes(size: number): string {
  if (size < 1024) return amount(size, 'byte')
  return size < 1024 ** 2
    ? `${UP_TO_ONE_DECIMAL.format(size / 1024)} KiB`
    : `${UP_TO_ONE_DECIMAL.format(size / 1024 ** 2)} MiB`
}

/** A moment for a `<time>` element: for machines, for readers in UTC, and how long ago it is. */
export interface Moment {
  readonly iso: string
  readonly utc: string
  readonly ago: string
}

/** Describes a moment of the past. A date that comes from Redis may be invalid. */
export function moment(date: Date, nowMs: number = Date.now()): Moment {
  if (Number.isNaN(date.getTime())) return { iso: '', utc: 'unknown', ago: '' }
  const iso = date.toISOString()
  const seconds = Math.max(0, Math.round((nowMs - date.getTime()) / 1000))
  return {
    iso,
    utc: `${iso.slice(0, 19).replace('T', ' ')} UTC`,
    ago: seconds === 0 ? 'just now' : `${span(seconds)} ago`,
  }
}
