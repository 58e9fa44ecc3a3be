import { allCities } from './cities.js'
import type { Populations } from './populations.js'

/** A city with the population that it has now. */
export interface PopulatedCity {
  readonly id: number
  readonly name: string
  readonly population: number
}

/** The cities of a country, the largest first. `isCertain`: as in `Edited`. */
export async function byPopulation(
  populations: Populations,
  code: string,
): Promise<{ cities: readonly PopulatedCity[]; isCertain: boolean }> {
  const rows = allCities.filter((row) => row.country === code)
  const edited = await populations.of(rows.map((row) => row.cityId))
  const cities = rows
    .map(({ cityId: id, name, population }, place) => ({
      id,
      name,
      population: edited.populations[place] ?? population,
    }))
    .toSorted((a, b) => b.population - a.population || a.id - b.id)
  return { cities, isCertain: edited.isCertain }
}
