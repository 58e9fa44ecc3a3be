import { types } from 'node:util'

/** Whether this is a promise of whatever kind. If so, `failed` is told what it rejects with. */
export function onRejection(given: unknown, failed: (thrown: unknown) => void): boolean {
  if (!isReference(given)) return false
  if (types.isPromise(given)) {
    // Its own `then` may be another one.
    void Promise.prototype.then.call(given, undefined, failed)
    return true
  }
  if (!isThenable(given)) return false
  Promise.resolve(given).catch(failed)
  return true
}

/** Refuses a promise where there is no time for one: how it ends is nobody's failure. Gives whether it was one. */
export function isPromise(given: unknown): boolean {
  return onRejection(given, () => undefined)
}

function isThenable(given: object): given is PromiseLike<unknown> {
  return typeof (given as { then?: unknown }).then === 'function'
}

function isReference(given: unknown): given is object {
  return (typeof given === 'object' && given !== null) || typeof given === 'function'
}
