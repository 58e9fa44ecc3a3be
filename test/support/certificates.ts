import { readFileSync } from 'node:fs'
import { lookup as lookUp } from 'node:dns'
import type { LookupFunction } from 'node:net'
import tls, { type ConnectionOptions } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { vi } from 'vitest'

const file = (name: string): string => fileURLToPath(new URL(`tls/${name}`, import.meta.url))

/** The CA of the tests, which nobody else knows. Its key was thrown away. */
export const CA_FILE: string = file('ca.crt')
export const CA: Buffer = readFileSync(CA_FILE)

/** With these a `redis-server` speaks TLS, also to other servers. Its certificate is for `localhost` and `redis.test`, and for no address. */
export const CERTIFIED: readonly string[] = [
  ['--tls-cert-file', file('server.crt')],
  ['--tls-key-file', file('server.key')],
  ['--tls-ca-cert-file', CA_FILE],
  ['--tls-auth-clients', 'no'],
].flat()

/** Names below `test` have two addresses. On the first no server of the tests listens. */
const ADDRESSES = ['127.0.0.2', '127.0.0.1'].map((address) => ({ address, family: 4 }))

const lookup: LookupFunction = (name, options, found) => {
  if (!name.endsWith('.test')) lookUp(name, options, found)
  else if (options.all) process.nextTick(found, null, ADDRESSES)
  else process.nextTick(found, null, ADDRESSES[0]?.address, 4)
}

/**
 * Lets this process trust the CA, as a process does that is started with `NODE_EXTRA_CA_CERTS`, and find the names below `test`. Gives what
 * ends this.
 */
export function trustCa(): () => void {
  const connect = tls.connect as (options: ConnectionOptions) => tls.TLSSocket
  const spy = vi.spyOn(tls, 'connect')
  spy.mockImplementation(((options: ConnectionOptions) =>
    connect({ ca: CA, lookup, ...options })) as typeof tls.connect)
  return () => spy.mockRestore()
}
