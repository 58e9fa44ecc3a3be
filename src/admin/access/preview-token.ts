import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** The preview that a form comes from. */
export interface Preview {
  /** Unique to this preview. */
  readonly id: string
  /** How many keys the preview found. */
  readonly count: number
  readonly isExpired: boolean
}

const LIFETIME_MS = 5 * 60_000
const SHAPE = /^([\w-]{22})\.(\d{1,15})\.(\d{1,15})\.([\w-]{43})$/

/**
 * Writes the token of a new preview. It is good for five minutes, for this session and this target, and for one deletion, because the
 * deletion is recorded under its id. It is signed and not kept in the session, because previews opened side by side would overwrite each
 * other there.
 */
export function writePreviewToken(secret: string, target: string, count: number): string {
  const id = randomBytes(16).toString('base64url')
  const expiresAtMs = Date.now() + LIFETIME_MS
  return `${id}.${count}.${expiresAtMs}.${signature(secret, target, id, count, expiresAtMs).toString('base64url')}`
}

/** Reads a token. Gives `undefined` if the token was not written for this session and this target. */
export function readPreviewToken(secret: string, target: string, token: string): Preview | undefined {
  const [, id, count, expiresAtMs, signed] = SHAPE.exec(token) ?? []
  if (id === undefined || signed === undefined) return undefined
  const expected = signature(secret, target, id, Number(count), Number(expiresAtMs))
  if (!timingSafeEqual(Buffer.from(signed, 'base64url'), expected)) return undefined
  return { id, count: Number(count), isExpired: Date.now() > Number(expiresAtMs) }
}

function signature(secret: string, target: string, id: string, count: number, expiresAtMs: number): Buffer {
  return createHmac('sha256', secret)
    .update(JSON.stringify([target, id, count, expiresAtMs]))
    .digest()
}
