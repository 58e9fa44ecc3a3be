import { onRejection } from '../../checks/on-rejection.js'

/** Calls a user's function, which may be asynchronous. Only `failed` is told what it throws or rejects with. */
export function callHook(hook: () => unknown, failed: (thrown: unknown) => void): void {
  try {
    onRejection(hook(), failed)
  } catch (thrown) {
    failed(thrown)
  }
}
