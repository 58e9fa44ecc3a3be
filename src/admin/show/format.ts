const formats = new Map<string, Intl.NumberFormat>()

/** Made when first used: the first one of a process takes as long as loading this package. */
function format(value: number, leastDigits: number, mostDigits: number): string {
  const name = `${leastDigits} ${mostDigits}`
  let made = formats.get(name)
  if (!made) {
    made = new Intl.NumberFormat('en', { minimumFractionDigits: leastDigits, maximumFractionDigits: mostDigits })
    formats.set(name, made)
  }
  return made.format(value)
}

const UNITS: readonly (readonly [seconds: number, name: string])[] = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
]

function upToOneDecimal(value: number): string {
  return format(value, 0, 1)
}

/** `12,345`. */
export function number(value: number): string {
  return format(value, 0, 3)
}

/** `1 key`, `12 keys`. */
export function amount(value: number, noun: string): string {
  return `${number(value)} ${value === 1 ? noun : `${noun}s`}`
}

/** `93.0 %`. */
export function percent(rate: number): string {
  return `${format(rate * 100, 1, 1)} %`
}

/** `93 %`. */
export function wholePercent(rate: number): string {
  return `${format(rate * 100, 0, 0)} %`
}

/** The part of the calls that were hits, as `93.0 %`; a dash where there were none. */
export function hitRate(hits: number, calls: number): string {
  return calls === 0 ? '—' : percent(hits / calls)
}

/** `5 minutes`, `12 s`, `250 ms`: in the largest unit that the time fills. */
export function span(seconds: number): string {
  for (const [length, name] of UNITS) {
    if (seconds < length) continue
    const count = upToOneDecimal(seconds / length)
    return `${count} ${count === '1' ? name : `${name}s`}`
  }
  return seconds < 1 ? `${upToOneDecimal(seconds * 1000)} ms` : `${upToOneDecimal(seconds)} s`
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
  return size < 1024 ** 2 ? `${upToOneDecimal(size / 1024)} KiB` : `${upToOneDecimal(size / 1024 ** 2)} MiB`
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
