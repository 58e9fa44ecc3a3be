import type { CacheStats } from '../../contract/cache.js'
import { hitRate as hitRateText, number, wholePercent } from './format.js'

/** The last hour as it is drawn: paths in a view box of 600 by 150, and the same numbers in words and as a table. */
export interface HourChart {
  /** `Lowest 81 %, highest 96 %, now 93 %.` */
  readonly summary: string
  readonly mostCalls: string
  /** The hit rate from 0 % at y 100 to 100 % at y 0, broken where there were no calls. */
  readonly rateLine: string
  /** The area between that line and 0 %. */
  readonly rateArea: string
  /** The calls from none at y 150 to the most in a minute at y 116. */
  readonly callsLine: string
  /** The newest first. */
  readonly rows: readonly MinuteRow[]
}

interface MinuteRow {
  readonly iso: string
  readonly time: string
  readonly calls: string
  readonly hits: string
  readonly hitRate: string
}

interface Minute {
  readonly startMs: number
  readonly calls: number
  readonly hits: number
  /** 0 to 1; `undefined` without calls. */
  readonly hitRate: number | undefined
}

const MINUTE_MS = 60_000
const MINUTES = 60
const MINUTE_WIDTH = 10
/** Half the width of the line for a minute whose neighbours have no calls. */
const ALONE = 3
const CALLS_BOTTOM = 150
const CALLS_HEIGHT = 34

/** Draws the 60 minutes that end with the present one. A minute without calls has no hit rate. That is not the same as 0 %. */
export function hourChart(counted: CacheStats['minutes'], nowMs: number = Date.now()): HourChart {
  const minutes = lastMinutes(counted, nowMs)
  const mostCalls = Math.max(...minutes.map(({ calls }) => calls))
  const runs = runsWithCalls(minutes).map(ratePoints)
  return {
    summary: summary(minutes),
    mostCalls: number(mostCalls),
    rateLine: runs.map(line).join(''),
    rateArea: runs.map(area).join(''),
    callsLine: line(minutes.map(({ calls }, index) => [middle(index), callsHeight(calls, mostCalls)])),
    rows: minutes.toReversed().map(row),
  }
}

function lastMinutes(counted: CacheStats['minutes'], nowMs: number): Minute[] {
  const byStart = new Map(counted.map((minute) => [minute.minute.getTime(), minute]))
  const present = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS
  // The clock of the server that counts may be in the next minute already.
  const last = byStart.has(present + MINUTE_MS) ? present + MINUTE_MS : present
  return Array.from({ length: MINUTES }, (_, index) => {
    const startMs = last - (MINUTES - 1 - index) * MINUTE_MS
    const { calls = 0, hits = 0 } = byStart.get(startMs) ?? {}
    return { startMs, calls, hits, hitRate: calls > 0 ? Math.min(1, hits / calls) : undefined }
  })
}

function summary(minutes: readonly Minute[]): string {
  const rates = minutes.flatMap(({ hitRate }) => hitRate ?? [])
  if (rates.length === 0) return 'No calls in the last 60 minutes.'
  // The present minute may have just begun.
  const now = minutes.at(-1)?.hitRate ?? minutes.at(-2)?.hitRate
  const [lowest, highest] = [Math.min(...rates), Math.max(...rates)].map(wholePercent)
  return `Lowest ${lowest}, highest ${highest}, ${now === undefined ? 'no calls now' : `now ${wholePercent(now)}`}.`
}

type Point = readonly [x: number, y: number]

/** The runs of minutes that have calls, each minute with its place among the 60. */
function runsWithCalls(minutes: readonly Minute[]): [index: number, hitRate: number][][] {
  const runs: [number, number][][] = []
  minutes.forEach(({ hitRate }, index) => {
    if (hitRate === undefined) return
    if (index === 0 || minutes[index - 1]?.hitRate === undefined) runs.push([])
    runs.at(-1)?.push([index, hitRate])
  })
  return runs
}

/** The points of a run. A single minute becomes a short line, so that it can be seen. */
function ratePoints(run: [index: number, hitRate: number][]): Point[] {
  const points = run.map(([index, hitRate]): Point => [middle(index), tenths(100 - hitRate * 100)])
  return points.length > 1
    ? points
    : points.flatMap(([x, y]): Point[] => [
        [x - ALONE, y],
        [x + ALONE, y],
      ])
}

function callsHeight(calls: number, most: number): number {
  return tenths(CALLS_BOTTOM - (most === 0 ? 0 : (calls / most) * CALLS_HEIGHT))
}

function middle(index: number): number {
  return index * MINUTE_WIDTH + MINUTE_WIDTH / 2
}

function line(points: readonly Point[]): string {
  return `M${points.map(([x, y]) => `${x} ${y}`).join('L')}`
}

function area(points: readonly Point[]): string {
  return `${line(points)}V100H${points[0]?.[0]}Z`
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10
}

function row({ startMs, calls, hits }: Minute): MinuteRow {
  const iso = new Date(startMs).toISOString()
  return { iso, time: iso.slice(11, 16), calls: number(calls), hits: number(hits), hitRate: hitRateText(hits, calls) }
}
