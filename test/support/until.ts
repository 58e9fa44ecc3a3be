import { setTimeout as delay } from 'node:timers/promises'

/** Asks again and again until the condition gives something truthy, and gives that. Rejects, naming `what`, when it takes longer. */
export async function until<T>(condition: () => T | Promise<T>, what: string, timeoutMs = 10_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs + 5, 20)) {
    const result = await condition()
    if (result) return result
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms until ${what}, in vain`)
    await delay(pauseMs)
  }
}
