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
 * The secret that signs session cookies. It is made once and kept in Redis, so that all processes share it. When Redis does not answer,
 * this gives a new secret. The sessions signed with it end with the processes that know it.
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

/**
 * Keeps sessions in Redis, for all processes. While Redis is away, the sessions that this process has seen go on. Changes are sent to Redis
 * when it answers again.
 */
export class RedisSessions extends Store {
  readonly #redis: Redis
  readonly #seen = new LRUCache<string, string>({ max: 1000, ttl: SESSION_MS })
  /** Changes that Redis has not confirmed. Without a text, the session has ended. */
  readonly #untold = new LRUCache<string, { readonly text: string | undefined }>({ max: 1000, ttl: SESSION_MS })

  constructor(redis: Redis) {
    super()
    this.#redis = redis
    redis.on('ready', () => void this.#tellAll())
  }

  override get(id: string, done: (error: unknown, session?: SessionData | null) => void): void {
    callbackify(async () => this.#read(id))(done)
  }

  override set(id: string, session: SessionData, done: (error?: unknown) => void = () => {}): void {
    callbackify(async () => this.#change(id, JSON.stringify(session)))(done)
  }

  override destroy(id: string, done: (error?: unknown) => void = () => {}): void {
    callbackify(async () => this.#change(id, undefined))(done)
  }

  async #read(id: string): Promise<SessionData | null> {
    let text: string | null | undefined
    try {
      text = await this.#redis.get(PREFIX + id)
      if (text === null) this.#seen.delete(id)
      else this.#seen.set(id, text)
      if (this.#untold.size > 0) void this.#tellAll()
    } catch {
      text = this.#seen.get(id)
    }
    const untold = this.#untold.get(id)
    if (untold) text = untold.text
    return text ? parse(text) : null
  }

  /** Never rejects, so that everybody can sign in and out while Redis is away. */
  async #change(id: string, text: string | undefined): Promise<void> {
    if (text === undefined) this.#seen.delete(id)
    else this.#seen.set(id, text)
    this.#untold.set(id, { text })
    await this.#tell(id)
  }

  async #tellAll(): Promise<void> {
    // Take all ids first, because looking one up moves it to the end of the list.
    const ids = [...this.#untold.keys()]
    await Promise.all(ids.map(async (id) => this.#tell(id)))
  }

  async #tell(id: string): Promise<void> {
    const untold = this.#untold.get(id)
    if (untold === undefined) return
    try {
      if (untold.text === undefined) await this.#redis.del(PREFIX + id)
      else await this.#redis.set(PREFIX + id, untold.text, 'PX', SESSION_MS)
    } catch {
      return
    }
    if (this.#untold.get(id) === untold) this.#untold.delete(id)
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
