import { type Request, Router } from 'express'
import { byPopulation, type PopulatedCity } from './by-population.js'
import { isCountry } from './cities.js'
import { jsonOrPage } from '../http/json-or-page.js'
import type { Populations } from './populations.js'
import { problem } from '../http/problem.js'

interface Country {
  cities: number
  population: number
  largest: PopulatedCity[]
}

/** `GET /:code` lists the largest cities of a country. */
export function countriesRouter(populations: Populations): Router {
  async function country(req: Request, code: string): Promise<Country> {
    return req.cache.getOrSet(
      ['country', code],
      async ({ skip }) => {
        const { cities, isCertain } = await byPopulation(populations, code)
        if (!isCertain) skip()
        return {
          cities: cities.length,
          population: cities.reduce((sum, city) => sum + city.population, 0),
          largest: cities.slice(0, 50),
        }
      },
      { ttl: '10m' },
    )
  }

  // Each part of the page asks for the country. The first one reads the cache, and the request's own Map answers the second one.
  async function inFigures(req: Request, code: string): Promise<{ cities: number; population: number }> {
    const { cities, population } = await country(req, code)
    return { cities, population }
  }
  async function largestCities(req: Request, code: string): Promise<Country['largest']> {
    return (await country(req, code)).largest
  }

  const router = Router()
  router.get('/:code', async (req, res) => {
    const code = req.params.code.toUpperCase()
    if (!isCountry(code)) {
      problem(res, 404, 'There is no country with this code')
      return
    }
    const start = performance.now()
    const found = { code, ...(await inFigures(req, code)), largest: await largestCities(req, code) }
    const model = { ...found, ms: performance.now() - start }
    jsonOrPage(res, model, () => res.render('country', model))
  })
  return router
}
