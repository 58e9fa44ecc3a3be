import { CacheNotRespondingError, PartialRemoval } from '../errors.js'

/**
 * Asks the store. For operations where no answer must not look like an empty answer.
 * @throws {CacheNotRespondingError} when the store does not answer. It names the operation.
 */
export type MustAnswer = <T>(operation: string, ask: () => Promise<T>) => Promise<T>

/** Makes a `MustAnswer` for one cache. `onFailed` is called with each error of the store. */
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
