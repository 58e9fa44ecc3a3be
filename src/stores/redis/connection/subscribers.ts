import type { Redis } from 'ioredis'
import type { Ended } from '../../../contract/store.js'
import type { Client } from './client.js'
import { MESSAGE, readMessage } from '../scripts/stored-layout.js'
import { Subscriber } from './subscriber.js'

/** All processes that have lost such a connection at the same moment come back one after the other. */
const AGAIN_WITHIN_MS = 200

/** What subscribers need of their store. */
export interface SubscribersSetting {
  readonly client: Client
  /** The channel of messages that a computation has ended. */
  readonly wake: string
  /** What names begin with whose changes are to be told of; `undefined` for none. */
  readonly tracked: string | undefined
  /** Told when a server does not tell of changes. */
  readonly onUntracked: (error: unknown) => void
  readonly onError: (operation: string, error: unknown) => void
}

/**
 * The connections for messages. On a Cluster any of the masters will do for those that a computation has ended, as each has the messages of
 * all; of changes each master tells of its own only, so all of them are listened to.
 */
export class Subscribers {
  readonly #setting: SubscribersSetting
  #all: Subscriber[] = []
  #hears = false
  #tracks = false
  #onEnded: (key: string, ended: Ended) => void = () => undefined
  #onTagRemoved: (tag: string) => void = () => undefined
  #onHearing: () => void = () => undefined
  #onChanged: (names: readonly string[] | undefined) => void = () => undefined
  #closed = false

  constructor(setting: SubscribersSetting) {
    this.#setting = setting
    this.follow()
  }

  /** Whether messages that a computation has ended arrive now. */
  get hears(): boolean {
    return this.#hears
  }

  /** Whether all changes are told of now. */
  get tracks(): boolean {
    return this.#tracks
  }

  onEnded(listener: (key: string, ended: Ended) => void): void {
    this.#onEnded = listener
  }

  onTagRemoved(listener: (tag: string) => void): void {
    this.#onTagRemoved = listener
  }

  /** Calls the listener when messages arrive no more, or again. */
  onHearing(listener: () => void): void {
    this.#onHearing = listener
  }

  /** Calls the listener with names that have changed; with `undefined` when all may have, as when not all changes are told of any more. */
  onChanged(listener: (names: readonly string[] | undefined) => void): void {
    this.#onChanged = listener
  }

  /** Listens to the servers that are masters now, once the connection for commands stands. */
  follow(): void {
    if (this.#closed) return
    const masters = this.#client.masters()
    if (this.#setting.tracked === undefined) this.#followOne(masters)
    else this.#followAll(masters)
    if (this.#client.isReady) for (const subscriber of this.#all) subscriber.connect()
    this.#judge()
  }

  /** Has each server give a sign of life. */
  check(): void {
    for (const subscriber of this.#all) subscriber.check()
  }

  /** Something may have been missed: another server may have the names now. */
  doubt(): void {
    if (this.#setting.tracked !== undefined) for (const subscriber of this.#all) subscriber.restart()
  }

  close(): void {
    this.#closed = true
    for (const subscriber of this.#all) subscriber.close()
  }

  get #client(): Client {
    return this.#setting.client
  }

  /** Goes to another server where the one that is listened to is gone, or is a master no more. */
  #followOne(masters: readonly Redis[]): void {
    const [current] = this.#all
    // One that needs long to connect would never be heard, were it given up each time.
    if (current?.isComing && masters.some((master) => addressOf(master) === current.address)) return
    const others = masters.filter((master) => addressOf(master) !== current?.address)
    const next = others[Math.floor(Math.random() * others.length)]
    if (next === undefined) return
    current?.close()
    this.#all = [this.#open(next)]
  }

  #followAll(masters: readonly Redis[]): void {
    const addresses = new Set(masters.map(addressOf))
    // While it is not known which masters there are, those that were go on telling.
    if (addresses.size === 0) return
    const gone = this.#all.filter(({ address }) => !addresses.has(address))
    const added = masters.filter((master) => this.#all.every(({ address }) => address !== addressOf(master)))
    if (gone.length === 0 && added.length === 0) return
    this.#all = [...this.#all.filter((each) => !gone.includes(each)), ...added.map((master) => this.#open(master))]
    for (const subscriber of gone) subscriber.close()
  }

  #open(master: Redis): Subscriber {
    const { wake, tracked, onUntracked, onError } = this.#setting
    return new Subscriber(this.#client.openSubscriber(master), addressOf(master), {
      wake,
      tracked,
      onMessage: (message) => this.#tell(message),
      onChanged: (names) => this.#onChanged(names),
      onState: () => this.#judge(),
      // Where the server is gone as well, that is known by then.
      onLost: () => setTimeout(() => this.follow(), AGAIN_WITHIN_MS * Math.random()).unref(),
      onUntracked,
      onError,
    })
  }

  #judge(): void {
    const hears = this.#all.some((each) => each.hears)
    if (hears !== this.#hears) {
      this.#hears = hears
      this.#onHearing()
    }
    const tracks = this.#all.length > 0 && this.#all.every((each) => each.tracks)
    if (tracks === this.#tracks) return
    this.#tracks = tracks
    if (!tracks) this.#onChanged(undefined)
  }

  #tell(message: string): void {
    const { what, whose } = readMessage(message)
    if (what === MESSAGE.tag) this.#onTagRemoved(whose)
    else if (what !== undefined) this.#onEnded(whose, what)
  }
}

function addressOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`
}
