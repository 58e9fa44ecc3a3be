import { cacheFunction, CacheNotRespondingError } from 'keyedcache'
import { database, transaction } from './database.js'

const byId = database.prepare('SELECT * FROM product WHERE id = ?')
const byCategory = database.prepare('SELECT id, name, stock FROM product WHERE category = ? ORDER BY name')
const takeFromStock = database.prepare('UPDATE product SET stock = stock - ? WHERE id = ? AND stock >= ?')

/** One product; `null`, which is cached as well, where there is none. */
export const findProduct = cacheFunction({ name: 'findProduct', ttl: '10m' })(async (id) => byId.get(id) ?? null)

/** The products of a category. */
export const productsOf = cacheFunction({ name: 'productsOf', ttl: '10m' })(async (category) =>
  byCategory.all(category),
)

/** Takes so many out of stock; `false`, and nothing is changed, where there are fewer. */
export async function sell(id, count) {
  const sold = transaction(() => {
    if (takeFromStock.run(count, id, count).changes === 0) return undefined
    return byId.get(id)
  })
  if (sold === undefined) return false
  // After the commit: before it, another process could read and cache what was there
  await forget(findProduct.delete(id), productsOf.delete(sold.category))
  return true
}

/** The sale stands also where Redis does not answer: the deletes are carried out as soon as it does. */
async function forget(...deletes) {
  for (const { status, reason } of await Promise.allSettled(deletes)) {
    if (status === 'fulfilled') continue
    if (!(reason instanceof CacheNotRespondingError)) throw reason
    console.error(`Others may still read the old stock: ${reason.message}`)
  }
}
