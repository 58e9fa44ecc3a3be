import { onRejection } from '../../checks/on-rejection.js'

/** Calls what a user gave us, which may be asynchronous. `failed` is told what it throws or rejects with, and nobody else. */
export function callHook(hook: () => unknown, failed: (thrown: unknown) => void): void {
  try {
    onRejection(hook(), failed)
  } catch (thrown) {
    failed(thrown)
  }
}
