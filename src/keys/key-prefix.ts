/** The allowed key prefixes, in words for messages. */
export const KEY_PREFIXES = '1 to 64 of A-Z a-z 0-9 . _ -'

/** Whether this may be a key prefix, the first part of every name in Redis. */
export function isKeyPrefix(keyPrefix: unknown): keyPrefix is string {
  return typeof keyPrefix === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(keyPrefix)
}
