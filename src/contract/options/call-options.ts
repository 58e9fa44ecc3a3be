import type { GetOrSetOptions } from '../cache.js'
import { toMs } from '../../checks/duration.js'
import { GET_OR_SET_OPTIONS } from './known-options.js'
import { checkOptions, checkTags, type Lifetime, lifetime } from './option-checks.js'
import { show } from '../../checks/show.js'

/** What holds for calls that say nothing else. */
export interface CallDefaults {
  readonly lifetime: Lifetime
  readonly maxComputeMs: number
}

/** How a call of `getOrSet` is to be answered, its options checked. */
export interface CallOptions {
  readonly life: Lifetime
  readonly tags: readonly string[]
  readonly maxComputeMs: number
  readonly timeoutMs: number | undefined
  readonly softTimeoutMs: number | undefined
  readonly signal: AbortSignal | undefined
  readonly schema: GetOrSetOptions<unknown>['schema']
  readonly refresh: boolean
  /** Factor of the early refresh; 0 for none. */
  readonly beta: number
  /** How long past its ttl a stale value may serve this call. */
  readonly graceMs: number
}

/** The checked options of a `getOrSet` call. @throws {TypeError} naming the option that is wrong. */
export function callOptionsOf(options: GetOrSetOptions<any> | undefined, defaults: CallDefaults): CallOptions {
  const given = checkOptions(options, 'getOrSet', GET_OR_SET_OPTIONS) ?? {}
  const { grace, early = false, timeout, softTimeout, maxCompute, refresh = false, signal, schema } = given
  if (typeof refresh !== 'boolean')
    throw new TypeError(`Expected \`refresh\` to be true or false, got ${show(refresh)}`)
  return {
    life: lifetime(given, defaults.lifetime),
    tags: checkTags(given.tags),
    maxComputeMs: maxCompute === undefined ? defaults.maxComputeMs : toMs('maxCompute', maxCompute),
    timeoutMs: timeout === undefined ? undefined : toMs('timeout', timeout),
    softTimeoutMs: softTimeout === undefined ? undefined : toMs('softTimeout', softTimeout),
    signal: checkSignal(signal),
    schema: checkSchema(schema),
    refresh,
    beta: checkBeta(early),
    // An entry is kept for the grace it was stored with; a call may narrow that, not widen it.
    graceMs: grace === undefined ? Infinity : toMs('grace', grace),
  }
}

/** @throws {TypeError} when it is no `AbortSignal`, nor absent. */
export function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal
  throw new TypeError(`Expected \`signal\` to be an AbortSignal, got ${show(signal)}`)
}

/** @throws {TypeError} when it is no Standard Schema, nor absent. */
export function checkSchema(schema: CallOptions['schema']): CallOptions['schema'] {
  if (schema === undefined || typeof (schema as Partial<typeof schema>)?.['~standard']?.validate === 'function') {
    return schema
  }
  throw new TypeError(`Expected \`schema\` to be a Standard Schema, got ${show(schema)}`)
}

/** @throws {TypeError} naming the option of `getOrSet` that is wrong. */
export function checkCallOptions(options: GetOrSetOptions<any> | undefined): void {
  callOptionsOf(options, { lifetime: { ttlMs: 0, graceMs: 0 }, maxComputeMs: 0 })
}

function checkBeta(early: boolean | number): number {
  if (early === true) return 1
  if (early === false) return 0
  if (typeof early === 'number' && early > 0 && early < Infinity) return early
  throw new TypeError(`Expected \`early\` to be true, false or a number above 0, got ${show(early)}`)
}
