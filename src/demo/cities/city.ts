import { type Request, type Response, Router } from 'express'
import { CachedObject } from '../../index.js'
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

/** `GET /:id` shows a city. `POST /:id` with the form field `population` changes it for everybody at once. */
export function cityRouter(populations: Populations): Router {
  const router = Router()

  router.get('/:id', async (req, res) => {
    const row = readRow(req, res)
    if (!row) return
    const start = performance.now()
    const city = await City.findCached(row.cityId, async ({ skip }) => {
      const edited = await populations.of([row.cityId])
      if (!edited.isCertain) skip()
      return new City(row, edited.populations[0] ?? row.population)
    })
    const ms = performance.now() - start
    const { id, name, country, population } = city
    jsonOrPage(res, { id, name, country, population, ms }, () => res.render('city', { city, ms }))
  })

  router.post('/:id', async (req, res) => {
    const row = readRow(req, res)
    if (!row) return
    const population = readPopulation((req.body as Record<string, unknown> | undefined)?.['population'])
    if (population === undefined) {
      problem(res, 400, 'Expected the form field population to be a whole number, in digits')
      return
    }
    try {
      await populations.set(row.cityId, population)
    } catch {
      problem(res, 503, 'Redis does not answer, so the population may not have been saved. Try again in a moment.')
      return
    }
    // Delete only now. If the key were deleted earlier, the old value could be read and stored once more.
    await new City(row, population).cacheDelete()
    await req.cache.delete(['country', row.country])
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
