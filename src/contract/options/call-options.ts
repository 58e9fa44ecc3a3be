import type { GetOrSetOptions } from '../cache.js'
import { toMs } from '../../checks/duration.js'
import { GET_OR_SET_OPTIONS } from './known-options.js'
import { checkOptions, checkRetryAfter, checkTags, type Lifetime, lifetime } from './option-checks.js'
import { show } from '../../checks/show.js'

/** The defaults for calls that do not set these options. */
export interface CallDefaults {
  readonly lifetime: Lifetime
  readonly maxComputeMs: number
  readonly retryAfterMs: number | undefined
}

/** The checked options of one `getOrSet` call. */
export interface CallOptions {
  readonly life: Lifetime
  readonly tags: readonly string[]
  readonly maxComputeMs: number
  /** The pause after a refresh that failed; `undefined`: it depends on the ttl. */
  readonly retryAfterMs: number | undefined
  readonly timeoutMs: number | undefined
  readonly softTimeoutMs: number | undefined
  readonly signal: AbortSignal | undefined
  readonly schema: GetOrSetOptions<unknown>['schema']
  readonly refresh: boolean
  /** The factor of the early refresh; 0 for none. */
  readonly beta: number
  /** How long after its ttl a stale value may be served to this call. */
  readonly graceMs: number
}

/** The checked options of a `getOrSet` call. @throws {TypeError} naming the option that is wrong. */
export function callOptionsOf(options: GetOrSetOptions<any> | undefined, defaults: CallDefaults): CallOptions {
  const given = checkOptions(options, 'getOrSet', GET_OR_SET_OPTIONS) ?? {}
  const { grace, early = false, timeout, softTimeout, maxCompute, retryAfter, refresh = false, signal, schema } = given
  if (typeof refresh !== 'boolean')
    throw new TypeError(`Expected \`refresh\` to be true or false, got ${show(refresh)}`)
  return {
    life: lifetime(given, defaults.lifetime),
    tags: checkTags(given.tags),
    maxComputeMs: maxCompute === undefined ? defaults.maxComputeMs : toMs('maxCompute', maxCompute),
    retryAfterMs: retryAfter === undefined ? defaults.retryAfterMs : checkRetryAfter(retryAfter),
    timeoutMs: timeout === undefined ? undefined : toMs('timeout', timeout),
    softTimeoutMs: softTimeout === undefined ? undefined : toMs('softTimeout', softTimeout),
    signal: checkSignal(signal),
    schema: checkSchema(schema),
    refresh,
    beta: checkBeta(early),
    // The store keeps an entry for the grace that it was stored with. A call can only shorten that.
    graceMs: grace === undefined ? Infinity : toMs('grace', grace),
  }
}

/** @throws {TypeError} when it is given and is not an `AbortSignal`. */
export function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal
  throw new TypeError(`Expected \`signal\` to be an AbortSignal, got ${show(signal)}`)
}

/** @throws {TypeError} when it is given and is not a Standard Schema. */
export function checkSchema(schema: CallOptions['schema']): CallOptions['schema'] {
  if (schema === undefined || typeof (schema as Partial<typeof schema>)?.['~standard']?.validate === 'function') {
    return schema
  }
  throw new TypeError(`Expected \`schema\` to be a Standard Schema, got ${show(schema)}`)
}

/** @throws {TypeError} naming the option of `getOrSet` that is wrong. */
export function checkCallOptions(options: GetOrSetOptions<any> | undefined): void {
  callOptionsOf(options, { lifetime: { ttlMs: 0, graceMs: 0 }, maxComputeMs: 0, retryAfterMs: undefined })
}

function checkBeta(early: boolean | number): number {
  if (early === true) return 1
  if (early === false) return 0
  if (typeof early === 'number' && early > 0 && early < Infinity) return early
  throw new TypeError(`Expected \`early\` to be true, false or a number above 0, got ${show(early)}`)
}
