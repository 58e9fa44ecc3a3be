import type { Redis } from 'ioredis'

/**
 * Methods that ioredis has and its types do not. `callBuffer` is not used: it would lose the command's name if the owner of a client has
 * turned on automatic pipelining.
 */
type Scripting = Record<
  'eval' | 'evalsha' | 'evalBuffer' | 'evalshaBuffer',
  (script: string, keys: number, ...args: readonly (string | Buffer | number)[]) => Promise<unknown>
>

/** The methods whose answers have text, and those whose answers have bytes. */
export const FOR_TEXT = { bySource: 'eval', byName: 'evalsha' } as const
export const FOR_BYTES = { bySource: 'evalBuffer', byName: 'evalshaBuffer' } as const

export function scripting(redis: Redis): Scripting {
  return redis as unknown as Scripting
}
