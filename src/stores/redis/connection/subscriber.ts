import type { Redis } from 'ioredis'
import { withoutSecrets } from './reply-error.js'

/** What a subscriber listens to, and whom it tells. */
export interface SubscriberSetting {
  /** The channel of messages that a computation has ended. */
  readonly wake: string
  /** What names begin with whose changes are to be told of; `undefined` for none. */
  readonly tracked: string | undefined
  /** Told of a message in the channel. */
  readonly onMessage: (message: string) => void
  /** Told of names that have changed; `undefined` when all may have. */
  readonly onChanged: (names: readonly string[] | undefined) => void
  /** Told when what is heard may be more or less than before. */
  readonly onState: () => void
  /** Told when a connection on which something was heard is gone. */
  readonly onLost: () => void
  /** Told when the server does not tell of changes. */
  readonly onUntracked: (error: unknown) => void
  readonly onError: (operation: string, error: unknown) => void
}

/** The channel in which Redis tells of changes to clients of protocol 2. */
const INVALIDATE = '__redis__:invalidate'

/** A connection to one server for messages: of computations that ended, and of names that changed. */
export class Subscriber {
  readonly address: string
  readonly #redis: Redis
  readonly #setting: SubscriberSetting
  #hears = false
  #tracks = false
  #failed = false
  #closed = false

  constructor(redis: Redis, address: string, setting: SubscriberSetting) {
    this.address = address
    this.#redis = redis
    this.#setting = setting
    redis.on('connecting', () => (this.#failed = false))
    redis.on('ready', () => void this.#subscribe())
    redis.on('close', () => this.#lose())
    // The connection for commands reports the same server's troubles.
    redis.on('error', () => undefined)
    redis.on('messageBuffer', (channel: Buffer, message: Buffer | Buffer[] | null) => {
      if (!this.#closed) this.#hear(channel.toString(), message)
    })
  }

  /** Whether messages of computations arrive now. */
  get hears(): boolean {
    return this.#hears
  }

  /** Whether changes are told of now. */
  get tracks(): boolean {
    return this.#tracks
  }

  /** Whether it may come to hear: it was not connected yet, is about to subscribe, or has. */
  get isComing(): boolean {
    return !this.#failed && this.#redis.status !== 'end'
  }

  /** Connects, unless there is a connection or one is on its way. */
  connect(): void {
    const isAway = this.#redis.status === 'wait' || this.#redis.status === 'end'
    if (isAway && !this.#closed) this.#redis.connect().catch(() => 'its owner asks again')
  }

  /** Asks for a sign of life; the connection is closed when none comes. */
  check(): void {
    if (this.#hears) this.#redis.ping().catch(() => 'the connection is closed then')
  }

  /** Ends the connection until it is made anew, since something may have been missed. */
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

  async #subscribe(): Promise<void> {
    const { wake, tracked, onError } = this.#setting
    try {
      // What is subscribed first would leave no way to ask for the rest.
      const tracks = tracked !== undefined && (await this.#track(tracked))
      await this.#redis.subscribe(wake)
      if (this.#redis.status === 'ready' && !this.#closed) this.#setState(true, tracks)
    } catch (error) {
      this.#failed = true
      if (!this.#closed && this.#redis.status === 'ready') onError('subscribe', withoutSecrets(error))
    }
  }

  async #track(tracked: string): Promise<boolean> {
    try {
      const id = await this.#redis.client('ID')
      await this.#redis.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', tracked)
      await this.#redis.subscribe(INVALIDATE)
      return true
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'ReplyError') throw error
      this.#setting.onUntracked(withoutSecrets(error))
      return false
    }
  }

  #lose(): void {
    if (!this.#hears) return
    this.#setState(false, false)
    this.#setting.onLost()
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
