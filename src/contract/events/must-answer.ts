import { CacheNotRespondingError, PartialRemoval } from '../errors.js'

/**
 * Asks the store something of which no answer at all would be a wrong one.
 * @throws {CacheNotRespondingError} where the store does not answer, naming the operation.
 */
export type MustAnswer = <T>(operation: string, question: () => Promise<T>) => Promise<T>

/** The way in which one cache asks; `onFailed` is told what the store had against it. */
export function createMustAnswer(onFailed: (operation: string, key: undefined, error: unknown) => void): MustAnswer {
  return async (operation, question) => {
    try {
      return await question()
    } catch (error) {
      const { cause, count } = error instanceof PartialRemoval ? error : { cause: error, count: 0 }
      onFailed(operation, undefined, cause)
      throw new CacheNotRespondingError(operation, { cause, removed: count })
    }
  }
}
