import { isError } from '../../../checks/is-error.js'
import { realTime } from '../../../checks/real-time.js'
import type { Redis } from 'ioredis'
import { isReply, withoutSecrets } from '../reasons/reply-error.js'

/** What a subscriber listens to, and its callbacks. */
export interface SubscriberSetting {
  /** The channel of messages that a computation has ended. */
  readonly wake: string
  /** Prefix of the names whose changes we want to hear. `undefined`: none. */
  readonly tracked: string | undefined
  /** Called with each message in the channel. */
  readonly onMessage: (message: string) => void
  /** Called with names that have changed. `undefined`: all may have. */
  readonly onChanged: (names: readonly string[] | undefined) => void
  /** Called when `hears` or `tracks` changes. */
  readonly onState: () => void
  /** Called when a subscribed connection is lost. */
  readonly onLost: () => void
  /** Called when the server refuses to report changes. */
  readonly onUntracked: (error: unknown) => void
  readonly onError: (operation: string, error: unknown) => void
}

/** The channel in which Redis reports changes to clients of protocol 2. */
const INVALIDATE = '__redis__:invalidate'

/** A server is not pinged again before this. */
const PING_AFTER_MS = 1500
const LOST_AT_ONCE_MS = 1000

/** A subscribe connection to one server: for ended computations, and for changed names. */
export class Subscriber {
  readonly address: string
  readonly #redis: Redis
  readonly #setting: SubscriberSetting
  #hears = false
  #tracks = false
  #failure: unknown
  #heardMs = 0
  #pingedMs = -Infinity
  #closed = false

  constructor(redis: Redis, address: string, setting: SubscriberSetting) {
    this.address = address
    this.#redis = redis
    this.#setting = setting
    redis.on('connecting', () => (this.#failure = undefined))
    redis.on('ready', () => void this.#subscribe())
    redis.on('close', () => this.#lose())
    // Not told: mostly the command connection reports the same errors.
    redis.on('error', (error: unknown) => (this.#failure = withoutSecrets(error)))
    redis.on('messageBuffer', (channel: Buffer, message: Buffer | Buffer[] | null) => {
      if (!this.#closed) this.#hear(channel.toString(), message)
    })
  }

  /** Whether messages about ended computations arrive now. */
  get hears(): boolean {
    return this.#hears
  }

  /** Whether changes are reported now. */
  get tracks(): boolean {
    return this.#tracks
  }

  /** Why connecting or subscribing failed the last time. `undefined` while nothing has failed. */
  get failure(): unknown {
    return this.#failure
  }

  /** False when subscribing failed or the connection has ended. */
  get isComing(): boolean {
    return this.#failure === undefined && this.#redis.status !== 'end'
  }

  /** Connects, unless it is connected or connecting. */
  connect(): void {
    const isAway = this.#redis.status === 'wait' || this.#redis.status === 'end'
    if (isAway && !this.#closed) this.#redis.connect().catch(() => 'its owner asks again')
  }

  /**
   * Pings the server, unless that was done a moment ago. The connection is closed when no answer comes. If subscribing failed, tries again.
   */
  check(): void {
    if (this.#hears) this.#ping()
    else this.retry()
  }

  /** Forgets what has failed, and tries again what can be tried now. */
  retry(): void {
    if (this.#failure === undefined) return
    this.#failure = undefined
    if (this.#redis.status === 'ready') void this.#subscribe()
  }

  /** Ends the connection, because something may have been missed. Its owner connects it again. */
  restart(): void {
    if (!this.#hears) return
    this.#setState(false, false)
    this.#redis.disconnect()
  }

  close(): void {
    this.#closed = true
    this.#setState(false, false)
    this.#redis.disconnect()
  }

  #ping(): void {
    const nowMs = realTime.nowMs()
    if (nowMs < this.#pingedMs + PING_AFTER_MS) return
    this.#pingedMs = nowMs
    this.#redis.ping().catch(() => 'the connection is closed then')
  }

  async #subscribe(): Promise<void> {
    const { wake, tracked, onError } = this.#setting
    try {
      // Turn on tracking first: after SUBSCRIBE, a protocol 2 connection takes no such command.
      const tracks = tracked !== undefined && (await this.#track(tracked))
      await this.#redis.subscribe(wake)
      if (this.#redis.status !== 'ready' || this.#closed) return
      this.#heardMs = realTime.nowMs()
      this.#setState(true, tracks)
    } catch (error) {
      this.#failure = reasonOfRefusal(error, wake)
      if (!this.#closed && this.#redis.status === 'ready') onError('subscribe', this.#failure)
    }
  }

  async #track(tracked: string): Promise<boolean> {
    try {
      const id = await this.#redis.client('ID')
      await this.#redis.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', tracked)
      await this.#redis.subscribe(INVALIDATE)
      return true
    } catch (error) {
      if (!isReply(error)) throw error
      this.#setting.onUntracked(reasonOfRefusal(error, INVALIDATE))
      return false
    }
  }

  #lose(): void {
    if (!this.#hears) return
    this.#setState(false, false)
    // If it was lost at once, it may be so again. Then its owner's next round is soon enough.
    if (realTime.nowMs() - this.#heardMs > LOST_AT_ONCE_MS) this.#setting.onLost()
  }

  #hear(channel: string, message: Buffer | Buffer[] | null): void {
    if (channel === INVALIDATE) this.#setting.onChanged(Array.isArray(message) ? message.map(String) : undefined)
    else this.#setting.onMessage(String(message))
  }

  #setState(hears: boolean, tracks: boolean): void {
    if (hears === this.#hears && tracks === this.#tracks) return
    this.#hears = hears
    this.#tracks = tracks
    this.#setting.onState()
  }
}

/** Why a channel cannot be heard, without secrets. If a right is missing, it is named. */
function reasonOfRefusal(error: unknown, channel: string): unknown {
  const told = withoutSecrets(error)
  if (!isError(told) || !/NOPERM.*channel/.test(told.message)) return told
  const rule = `ACL SETUSER <user> &${channel}`
  return new Error(`NOPERM: the Redis user may not use the channel ${channel}: allow it by ${rule}`, { cause: told })
}
