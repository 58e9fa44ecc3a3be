import { types } from 'node:util'

/** Whether this is a promise or another thenable. If so, `failed` is called with what it rejects with. */
export function onRejection(given: unknown, failed: (thrown: unknown) => void): boolean {
  if (!isReference(given)) return false
  if (types.isPromise(given)) {
    // A promise may have a `then` of its own, so the built-in one is called.
    void Promise.prototype.then.call(given, undefined, failed)
    return true
  }
  if (!isThenable(given)) return false
  Promise.resolve(given).catch(failed)
  return true
}

/** Whether this is a promise, where none is allowed. Its rejection is ignored, so that it is never an unhandled one. */
export function isPromise(given: unknown): boolean {
  return onRejection(given, () => undefined)
}

function isThenable(given: object): given is PromiseLike<unknown> {
  return typeof (given as { then?: unknown }).then === 'function'
}

function isReference(given: unknown): given is object {
  return (typeof given === 'object' && given !== null) || typeof given === 'function'
}
