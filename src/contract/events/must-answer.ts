import { CacheNotRespondingError, PartialRemoval } from '../errors.js'

/**
 * Asks the store where a missing answer may not pass for an empty one.
 * @throws {CacheNotRespondingError} when the store does not answer. It names the operation.
 */
export type MustAnswer = <T>(operation: string, ask: () => Promise<T>) => Promise<T>

/** Makes that function for one cache. `onFailed` is told each error of the store. */
export function createMustAnswer(onFailed: (operation: string, key: undefined, error: unknown) => void): MustAnswer {
  return async (operation, ask) => {
    try {
      return await ask()
    } catch (error) {
      const { cause, count } = error instanceof PartialRemoval ? error : { cause: error, count: 0 }
      onFailed(operation, undefined, cause)
      throw new CacheNotRespondingError(operation, { cause, removed: count })
    }
  }
}
