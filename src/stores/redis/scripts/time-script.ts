import { type Script, script } from './script.js'

/**
 * Reads the clock of the server that keeps a name: on a Cluster only what names a key is sent there.
 *
 * KEYS: any name. Returns seconds and microseconds.
 */
export const TIME: Script = script(`return redis.call('TIME')`)
