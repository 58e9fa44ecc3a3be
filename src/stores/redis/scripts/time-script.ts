import { type Script, script } from './script.js'

/**
 * Reads the clock of the server that keeps a name. It is a script because a Cluster sends a command to a server by its keys, and TIME has
 * none.
 *
 * KEYS: any name. Returns seconds and microseconds.
 */
export const TIME: Script = script(`return redis.call('TIME')`)
