import { setTimeout as wait } from 'node:timers/promises'
import { cacheFunction } from 'keyedcache'

/** What is known of the weather in a city. */
export interface Weather {
  city: string
  celsius: number
  since: Date // stays a Date in the cache
}

/**
 * Asks a slow service once a minute for all processes. When the minute is over, callers get the old answer while one asks again;
 * where the service fails, for ten minutes more.
 */
export const weatherIn = cacheFunction({ name: 'weatherIn', ttl: '1m', grace: '10m' })(async (
  city: string,
): Promise<Weather> => {
  await wait(300)
  return { city, celsius: 20, since: new Date() }
})
