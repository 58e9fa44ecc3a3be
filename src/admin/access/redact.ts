import { types } from 'node:util'
import { isPlainPrototype } from '../../checks/built-in.js'

const SECRET =
  /pass(?!age|eng|ive)|secret|token|session|auth(?!ors?(?![a-z]))|credential|cookie|api[-_]?key|private[-_]?key/i
/** The text shown in place of a secret. */
export const HIDDEN = 'Hidden'

/**
 * What the dashboard shows of a value unless the `redact` option says otherwise: fields and keys named like secrets
 * (passwords, tokens, sessions …) read `Hidden`.
 */
export function redactSecrets(key: string, value: unknown): unknown {
  return SECRET.test(key) ? HIDDEN : withoutSecrets(value)
}

/** Whether bytes that are not decoded contain a name like those of secrets. */
export function hasSecretNames(bytes: Buffer): boolean {
  return SECRET.test(bytes.toString('latin1'))
}

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (types.isMap(value)) {
    return new Map(
      Array.from(value, ([name, part]) => [withoutSecrets(name), isSecret(name) ? HIDDEN : withoutSecrets(part)]),
    )
  }
  if (types.isSet(value)) return new Set(Array.from(value, withoutSecrets))
  if (!isPlain(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, isSecret(name) ? HIDDEN : withoutSecrets(part)]),
  )
}

function isSecret(name: unknown): boolean {
  return typeof name === 'string' && SECRET.test(name)
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  return isPlainPrototype(Object.getPrototypeOf(value) as object | null)
}
