import { type Request, type Response, Router } from 'express'
import { CachedObject } from '../../index.js'
import { byPopulation } from './by-population.js'
import { type CityRow, cityRow } from './cities.js'
import { jsonOrPage } from '../http/json-or-page.js'
import { type Populations, readPopulation } from './populations.js'
import { problem } from '../http/problem.js'

class City extends CachedObject(Object, { ttl: '10m' }) {
  readonly id: number
  readonly name: string
  readonly country: string
  readonly population: number

  constructor(row: CityRow, population: number) {
    super()
    this.id = row.cityId
    this.name = row.name
    this.country = row.country
    this.population = population
  }
}

/** Which place a city has among those of its country, by population: 1 for the largest of `of`. */
interface Rank {
  place: number
  of: number
}

/** A form that was not saved: what was typed stays in it. */
interface Refusal {
  readonly status: number
  readonly error: string
  readonly typed: string
}

/** `GET /:id` shows a city. `POST /:id` with the form field `population` changes it for everybody at once. */
export function cityRouter(populations: Populations): Router {
  // A child of the country's key, so that who deletes the country with its children deletes the ranks of all its cities.
  async function rankOf(req: Request, { cityId, country }: CityRow): Promise<Rank> {
    return req.cache.getOrSet(
      ['country', country, cityId],
      async ({ skip }) => {
        const { cities, isCertain } = await byPopulation(populations, country)
        if (!isCertain) skip()
        return { place: cities.findIndex(({ id }) => id === cityId) + 1, of: cities.length }
      },
      { ttl: '10m' },
    )
  }

  async function show(req: Request, res: Response, row: CityRow, refusal?: Refusal): Promise<void> {
    const start = performance.now()
    const city = await City.findCached(row.cityId, async ({ skip }) => {
      const edited = await populations.of([row.cityId])
      if (!edited.isCertain) skip()
      return new City(row, edited.populations[0] ?? row.population)
    })
    const rank = await rankOf(req, row)
    const ms = performance.now() - start
    const { id, name, country, population } = city
    const page = (): void => res.render('city', { city, rank, ms, refusal })
    if (refusal === undefined) return jsonOrPage(res, { id, name, country, population, rank, ms }, page)
    res.status(refusal.status)
    jsonOrPage(res, { error: refusal.error }, page)
  }

  const router = Router()

  router.get('/:id', async (req, res) => {
    const row = readRow(req, res)
    if (row) await show(req, res, row)
  })

  router.post('/:id', async (req, res) => {
    const row = readRow(req, res)
    if (!row) return
    const given = (req.body as Record<string, unknown> | undefined)?.['population']
    const typed = typeof given === 'string' ? given.slice(0, 40) : ''
    const population = readPopulation(given)
    if (population === undefined) {
      const error = 'Expected the population to be a whole number, in at most ten digits'
      return show(req, res, row, { status: 400, error, typed })
    }
    try {
      await populations.set(row.cityId, population)
    } catch {
      const error = 'Redis does not answer, so the population may not have been saved. Try again in a moment'
      return show(req, res, row, { status: 503, error, typed })
    }
    // Delete only now. If the key were deleted earlier, the old value could be read and stored once more.
    await new City(row, population).cacheDelete()
    await req.cache.delete(['country', row.country], { children: true })
    res.redirect(303, `/cities/${row.cityId}`)
  })

  return router
}

function readRow(req: Request<{ id: string }>, res: Response): CityRow | undefined {
  const { id } = req.params
  // Only cities of the list reach the cache, so that strangers cannot fill it.
  const row = /^\d{1,10}$/.test(id) ? cityRow(Number(id)) : undefined
  if (!row) problem(res, 404, 'There is no city with this id')
  return row
}
