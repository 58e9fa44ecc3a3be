/** Calls what a user gave us, which may be asynchronous. `failed` is told what it throws or rejects with, and nobody else. */
export function callHook(hook: () => unknown, failed: (thrown: unknown) => void): void {
  try {
    const given = hook()
    if (isThenable(given)) Promise.resolve(given).catch(failed)
  } catch (thrown) {
    failed(thrown)
  }
}

function isThenable(given: unknown): boolean {
  return typeof given === 'object' && given !== null && 'then' in given
}
