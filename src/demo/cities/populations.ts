import type { Redis } from 'ioredis'

const HASH = 'keyedcache-demo:populations'

/** What a lookup of edited populations gave. */
export interface Edited {
  /** For each id the edited population, `undefined` where none was edited. */
  readonly populations: readonly (number | undefined)[]
  /** `false`: Redis did not answer, so these are the values that this process knew before. Do not cache them. */
  readonly isCertain: boolean
}

/** The edited populations: the source data behind the cache. */
export interface Populations {
  of(ids: readonly number[]): Promise<Edited>
  /** Rejects when the population could not be kept. */
  set(id: number, population: number): Promise<void>
}

/** Keeps the edited populations in this process. */
export function populationsInMemory(): Populations {
  const known = new Map<number, number>()
  return {
    async of(ids) {
      return { populations: ids.map((id) => known.get(id)), isCertain: true }
    },
    async set(id, population) {
      known.set(id, population)
    },
  }
}

/** Keeps the edited populations in Redis, for all processes. While Redis is away, reads give what this process knew before. */
export function populationsInRedis(redis: Redis): Populations {
  const known = new Map<number, number>()
  return {
    async of(ids) {
      let found: (string | null)[]
      try {
        found = await redis.hmget(HASH, ...ids.map(String))
      } catch {
        return { populations: ids.map((id) => known.get(id)), isCertain: false }
      }
      const populations = ids.map((id, place) => {
        const population = readPopulation(found[place])
        if (population === undefined) known.delete(id)
        else known.set(id, population)
        return population
      })
      return { populations, isCertain: true }
    },
    async set(id, population) {
      await redis.hset(HASH, id, population)
      known.set(id, population)
    },
  }
}

/** A population written in at most ten digits; `undefined` for any other text. */
export function readPopulation(text: unknown): number | undefined {
  return typeof text === 'string' && /^\d{1,10}$/.test(text) ? Number(text) : undefined
}
