import { onRejection } from '../../checks/on-rejection.js'

/** Calls a user's function, which may be asynchronous. Never throws: `failed` is called with what the function throws or rejects with. */
export function callHook(hook: () => unknown, failed: (thrown: unknown) => void): void {
  try {
    onRejection(hook(), failed)
  } catch (thrown) {
    failed(thrown)
  }
}
