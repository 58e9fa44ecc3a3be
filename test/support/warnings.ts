import { setImmediate as turn } from 'node:timers/promises'

interface Warned extends Error {
  readonly code?: string
}

/** The process warnings of a code that come while something runs. */
export async function warningsDuring(code: string, run: () => unknown): Promise<string[]> {
  const messages: string[] = []
  const listen = (warning: Warned): void => {
    if (warning.code === code) messages.push(warning.message)
  }
  process.on('warning', listen)
  try {
    await run()
    // A warning is told in the next turn
    await turn()
    return messages
  } finally {
    process.off('warning', listen)
  }
}
