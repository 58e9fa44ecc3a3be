import type { Ttl } from '../checks/duration.js'

/** What a factory knows about the call, and how it can change the way its result is stored. */
export interface FactoryContext {
  /** The full key being computed. */
  readonly key: string
  /** Aborts when the result is no longer needed: `maxCompute` has passed, or all callers, in all processes, have left by their own `signal`. */
  readonly signal: AbortSignal
  /** The value that the result will replace, if one is still there. */
  readonly stale: { value: unknown } | undefined
  /** Sets the ttl of the result. It replaces that of the call. `0` removes what was there. @throws {TypeError} for what is no duration. */
  setTtl(ttl: Ttl): void
  /** Sets the tags of the result. They replace those of the call. @throws {TypeError} for tags that cannot be stored. */
  setTags(tags: readonly string[]): void
  /** Sets the grace of the result. It replaces that of the call. @throws {TypeError} for what is no duration. */
  setGrace(grace: Ttl): void
  /**
   * Do not store the result. The callers still get it. What was stored before stays: within its grace it serves for a while before the next
   * attempt, as after an error. Never throws.
   */
  skip(): void
}

/** Computes the value of a key. */
export type Factory<T> = (context: FactoryContext) => T | PromiseLike<T>

/**
 * What a factory of many keys knows about the call, and how it can change the way each result is stored. A `place` is that of a key in
 * `missing`, from 0 on; another one is a `TypeError`.
 */
export interface ManyFactoryContext {
  /** Aborts when none of the results is needed any more: `maxCompute` has passed, or the last caller has left. */
  readonly signal: AbortSignal
  /** Sets the ttl of one result. It replaces that of the call. @throws {TypeError} for what is no duration. */
  setTtl(place: number, ttl: Ttl): void
  /** Sets the tags of one result. They replace those of the call. @throws {TypeError} for tags that cannot be stored. */
  setTags(place: number, tags: readonly string[]): void
  /** Sets the grace of one result. It replaces that of the call. @throws {TypeError} for what is no duration. */
  setGrace(place: number, grace: Ttl): void
  /** Do not store one result. The callers still get it. What was stored before stays. @throws {TypeError} for a place that is not there. */
  skip(place: number): void
}

/**
 * Computes the missing values of many keys: one value or `Error` for each missing key, in their order. It is called once. It is called again
 * with all keys that are left, if others were computing some of them and gave no value.
 */
export type ManyFactory<T, K> = (
  missing: readonly K[],
  context: ManyFactoryContext,
) => readonly (T | Error)[] | PromiseLike<readonly (T | Error)[]>
