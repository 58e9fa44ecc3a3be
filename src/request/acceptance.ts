import type { GetOrSetOptions } from '../contract/cache.js'
import type { ServedValue } from '../contract/events/served-value.js'
import { schemaError } from '../values/entry-codec.js'
import { checkSchema } from '../contract/options/call-options.js'

/** Whether a call takes the value that its request remembers. If the call has judged that value before, the answer is no promise. */
export type Acceptance = (key: string, found: ServedValue) => boolean | Promise<boolean>

const acceptsAny: Acceptance = () => true

/** For a call that computes anew: it takes no remembered value. */
export const acceptsNone: Acceptance = () => false

/** What a call of `getOrSet` accepts. @throws {TypeError} when `schema` is no Standard Schema. */
export function acceptanceOf(options: GetOrSetOptions<any> | undefined): Acceptance {
  if (options?.refresh) return acceptsNone
  const schema = checkSchema(options?.schema)
  return schema === undefined ? acceptsAny : judging(schema)
}

function judging(schema: NonNullable<GetOrSetOptions<unknown>['schema']>): Acceptance {
  const judged = new WeakMap<ServedValue, boolean>()
  return (key, found) =>
    judged.get(found) ??
    schemaError(schema, key, found.value).then((error) => {
      judged.set(found, error === undefined)
      return error === undefined
    })
}
