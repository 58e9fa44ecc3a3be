import type { GetOrSetOptions } from '../contract/cache.js'
import type { Found } from '../contract/events/served-value.js'
import { schemaError } from '../values/entry-codec.js'
import { checkSchema } from '../contract/options/call-options.js'

/** Whether a call takes what its request remembers of a key. What it has judged before is told at once. */
export type Taste = (key: string, found: Found) => boolean | Promise<boolean>

const takesAny: Taste = () => true

/** That of a call which computes anew. */
export const takesNone: Taste = () => false

/** The taste of a call of `getOrSet`. @throws {TypeError} when its schema is none. */
export function tasteOf(options: GetOrSetOptions<any> | undefined): Taste {
  if (options?.refresh) return takesNone
  const schema = checkSchema(options?.schema)
  return schema === undefined ? takesAny : judging(schema)
}

function judging(schema: NonNullable<GetOrSetOptions<unknown>['schema']>): Taste {
  const judged = new WeakMap<Found, boolean>()
  return (key, found) =>
    judged.get(found) ??
    schemaError(schema, key, found.value).then((error) => {
      judged.set(found, error === undefined)
      return error === undefined
    })
}
