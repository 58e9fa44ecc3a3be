import { typedKey, type Handler } from '../show/page.js'
import { text, wholeNumber } from '../http/query.js'

/** The statistics, as `stats()` gives them. */
export const apiStats: Handler = async ({ cache }) => ({ json: await cache.stats() })

/** A page of keys, as `keys()` gives it. */
export const apiKeys: Handler = async ({ cache, query }) => ({
  json: await cache.keys(typedKey(query, 'prefix'), {
    after: text(query, 'after'),
    limit: wholeNumber(query, 'limit', 1000),
  }),
})
