import type { FunctionOptions, GetOrSetOptions, SetOptions } from '../cache.js'
import type { PageOptions } from '../inspected.js'

/** The option names that are allowed. Any other name is refused, because a misspelt option would be ignored silently. */
export type Known<T extends object> = Readonly<Record<keyof T, true>>

export const SET_OPTIONS: Known<SetOptions> = Object.freeze({ ttl: true, grace: true, tags: true })

export const GET_OR_SET_OPTIONS: Known<GetOrSetOptions<unknown>> = Object.freeze({
  ...SET_OPTIONS,
  early: true,
  softTimeout: true,
  timeout: true,
  maxCompute: true,
  retryAfter: true,
  refresh: true,
  signal: true,
  schema: true,
})

export const FIND_CACHED_OPTIONS: Known<GetOrSetOptions<unknown> & { missing: unknown }> = Object.freeze({
  ...GET_OR_SET_OPTIONS,
  missing: true,
})

export const FUNCTION_OPTIONS: Known<FunctionOptions<() => unknown>> = Object.freeze({
  ...GET_OR_SET_OPTIONS,
  name: true,
  key: true,
})

export const GET_OPTIONS: Known<{ default: unknown }> = Object.freeze({ default: true })

export const DELETE_OPTIONS: Known<{ children: unknown }> = Object.freeze({ children: true })

export const ENTRY_OPTIONS: Known<{ value: unknown }> = Object.freeze({ value: true })

export const PAGE_OPTIONS: Known<PageOptions> = Object.freeze({ after: true, limit: true })

/** For listings that have only one page. */
export const LIMIT_OPTIONS: Known<Pick<PageOptions, 'limit'>> = Object.freeze({ limit: true })
