import { AsyncLocalStorage } from 'node:async_hooks'
import type { Request, RequestHandler } from 'express'
import { cacheFunction, type CachedFunction } from '../../index.js'
import { allCities, type CityRow } from './cities.js'
import { jsonOrPage } from '../http/json-or-page.js'
import { problem } from '../http/problem.js'

/** The city nearest to a place. */
export interface Nearest {
  city: string
  /** Two letters, ISO 3166. */
  country: string
  km: number
}

/** A request for the nearest city, and whether the cities had to be searched for it. */
interface Asking {
  isSearched: boolean
}

const asking = new AsyncLocalStorage<Asking>()

type NearestCity = (lat: number, lon: number) => Promise<Nearest>

/** Searches all cities for the one nearest to a place, in degrees. The result is kept for an hour. */
export const nearestCity: CachedFunction<NearestCity> = cacheFunction({ ttl: '1h' })(async function nearestCity(
  lat: number,
  lon: number,
): Promise<Nearest> {
  const asked = asking.getStore()
  if (asked) asked.isSearched = true
  let nearest: CityRow | undefined
  let leastKm = Infinity
  for (const city of allCities) {
    const [cityLon, cityLat] = city.loc.coordinates
    const km = greatCircleKm(lat, lon, cityLat, cityLon)
    if (km < leastKm) {
      leastKm = km
      nearest = city
    }
  }
  if (nearest === undefined) throw new Error('There is not a single city')
  return { city: nearest.name, country: nearest.country, km: leastKm }
})

/** The answer, the milliseconds that the call of `nearestCity` took, and whether the cities were searched. */
interface Answer extends Asking, Place {
  readonly body: Nearest & { readonly ms: number }
}

interface Place {
  readonly lat: number
  readonly lon: number
}

/** `GET /nearest?lat=50.08&lon=14.43` answers with JSON, browsers too. */
export const nearestRoute: RequestHandler = async (req, res) => {
  const place = readPlace(req)
  if (typeof place === 'string') problem(res, 400, place)
  else res.json((await answerFor(place)).body)
}

/** `GET /search?lat=50.08&lon=14.43` answers with the same as a page. What was typed wrong stays in its form. */
export const searchRoute: RequestHandler = async (req, res) => {
  const place = readPlace(req)
  if (typeof place === 'string') {
    const [lat, lon] = [typed(req.query['lat']), typed(req.query['lon'])]
    res.status(400)
    jsonOrPage(res, { error: place }, () => res.render('search-refused', { lat, lon, error: place }))
    return
  }
  const answer = await answerFor(place)
  res.render('nearest', { ...answer, ...answer.body })
}

/** Gives the place that a request asks for, or what is wrong with it. */
function readPlace(req: Request): Place | string {
  const lat = readDegrees('lat', req.query['lat'], 90)
  const lon = readDegrees('lon', req.query['lon'], 180)
  if (typeof lat === 'number' && typeof lon === 'number') return { lat, lon }
  return [lat, lon].filter((reason) => typeof reason === 'string').join('. ')
}

async function answerFor({ lat, lon }: Place): Promise<Answer> {
  const asked: Asking = { isSearched: false }
  const start = performance.now()
  const nearest = await asking.run(asked, async () => nearestCity(lat, lon))
  return { ...asked, lat, lon, body: { ...nearest, ms: performance.now() - start } }
}

function typed(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 40) : ''
}

/** Gives the number, or the reason why there is none as text. */
function readDegrees(name: string, value: unknown, most: number): number | string {
  if (value === undefined) return `${name} is missing: expected a number from -${most} to ${most}`
  if (typeof value !== 'string') return `${name} is given more than once`
  // Number() alone reads '' as 0, and accepts '0x10'.
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(value) && Math.abs(Number(value)) <= most) return Number(value)
  return `Expected ${name} to be a number from -${most} to ${most}, got ${JSON.stringify(value.slice(0, 40))}`
}

const EARTH_RADIUS_KM = 6371.0088

function greatCircleKm(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const a =
    Math.sin(radians(lat2 - lat1) / 2) ** 2 +
    Math.cos(radians(lat1)) * Math.cos(radians(lat2)) * Math.sin(radians(lon2 - lon1) / 2) ** 2
  return 2 * EARTH_RADIUS_KM * Math.atan2(Math.sqrt(a), Math.sqrt(1 - a))
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}
