import { randomBytes } from 'node:crypto'
import { callbackify } from 'node:util'
import { type SessionData, Store } from 'express-session'
import type { Redis } from 'ioredis'
import { LRUCache } from 'lru-cache'

const PREFIX = 'keyedcache-demo:session:'
const SECRET = 'keyedcache-demo:session-secret'

/** How long a session lives after it was last changed, in milliseconds. */
export const SESSION_MS: number = 8 * 60 * 60 * 1000

/**
 * The secret that signs session cookies: made once, kept in Redis, the same for all who ask there. When Redis does not
 * answer, the secret is a new one, and its sessions end with the processes that know it.
 */
export async function sharedSecret(redis: Redis): Promise<string> {
  const fresh = randomBytes(32).toString('base64url')
  try {
    await redis.set(SECRET, fresh, 'NX')
    return (await redis.get(SECRET)) ?? fresh
  } catch {
    return fresh
  }
}

/** Keeps sessions in Redis, for all processes. While Redis is away, those that this process has seen go on. */
export class RedisSessions extends Store {
  readonly #redis: Redis
  readonly #seen = new LRUCache<string, string>({ max: 1000, ttl: SESSION_MS })

  constructor(redis: Redis) {
    super()
    this.#redis = redis
  }

  override get(id: string, done: (error: unknown, session?: SessionData | null) => void): void {
    callbackify(async () => this.#read(id))(done)
  }

  override set(id: string, session: SessionData, done: (error?: unknown) => void = () => {}): void {
    callbackify(async () => this.#write(id, JSON.stringify(session)))(done)
  }

  override destroy(id: string, done: (error?: unknown) => void = () => {}): void {
    callbackify(async () => this.#remove(id))(done)
  }

  async #read(id: string): Promise<SessionData | null> {
    let text: string | null | undefined
    try {
      text = await this.#redis.get(PREFIX + id)
      if (text === null) this.#seen.delete(id)
      else this.#seen.set(id, text)
    } catch {
      text = this.#seen.get(id)
    }
    return text ? parse(text) : null
  }

  async #write(id: string, text: string): Promise<void> {
    this.#seen.set(id, text)
    try {
      await this.#redis.set(PREFIX + id, text, 'PX', SESSION_MS)
    } catch {
      // the copy above is all there is until Redis is back
    }
  }

  async #remove(id: string): Promise<void> {
    this.#seen.delete(id)
    await this.#redis.del(PREFIX + id)
  }
}

function parse(text: string): SessionData | null {
  try {
    const session = JSON.parse(text) as SessionData | null
    return session && typeof session === 'object' && typeof session.cookie === 'object' && session.cookie !== null
      ? session
      : null
  } catch {
    return null
  }
}
