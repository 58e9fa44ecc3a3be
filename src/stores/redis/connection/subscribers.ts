import { realTime } from '../../../checks/real-time.js'
import type { Redis } from 'ioredis'
import type { CycleProbe, Ended } from '../../../contract/store.js'
import type { Client } from './client.js'
import { MESSAGE, readCycleProbe, readMessage } from '../scripts/stored-layout.js'
import { Subscriber } from './subscriber.js'

/** A random wait of up to this long spreads processes that lost a connection at the same moment. */
const AGAIN_WITHIN_MS = 200
/** How long the connection for messages may take to stand after the one for commands. */
const CONNECT_MS = 2000
const LOOK_EVERY_MS = 10

/** What `Subscribers` needs from its store. */
export interface SubscribersSetting {
  readonly client: Client
  /** The channel of messages that a computation has ended. */
  readonly wake: string
  /** Prefix of the names whose changes we want to hear. `undefined`: none. */
  readonly tracked: string | undefined
  /** Called when a server refuses to report changes. */
  readonly onUntracked: (error: unknown) => void
  readonly onError: (operation: string, error: unknown) => void
}

/**
 * The subscribe connections. On a Cluster any one master is enough for messages about ended computations, because each has the messages of
 * all. But each master reports only changes of its own names, so changes need a connection to every master.
 */
export class Subscribers {
  readonly #setting: SubscribersSetting
  #all: Subscriber[] = []
  #hears = false
  #tracks = false
  #onEnded: (key: string, ended: Ended) => void = () => undefined
  #onTagRemoved: (tag: string) => void = () => undefined
  #onCycleProbe: (probe: CycleProbe) => void = () => undefined
  #onHearing: () => void = () => undefined
  #onChanged: (names: readonly string[] | undefined) => void = () => undefined
  #closed = false

  constructor(setting: SubscribersSetting) {
    this.#setting = setting
    this.follow()
  }

  /** Whether messages about ended computations arrive now. */
  get hears(): boolean {
    return this.#hears
  }

  /** Whether all changes are reported now. */
  get tracks(): boolean {
    return this.#tracks
  }

  onEnded(listener: (key: string, ended: Ended) => void): void {
    this.#onEnded = listener
  }

  onTagRemoved(listener: (tag: string) => void): void {
    this.#onTagRemoved = listener
  }

  onCycleProbe(listener: (probe: CycleProbe) => void): void {
    this.#onCycleProbe = listener
  }

  /** Calls the listener when `hears` changes. */
  onHearing(listener: () => void): void {
    this.#onHearing = listener
  }

  /** Calls the listener with names that have changed. `undefined`: all may have, for example because `tracks` has become false. */
  onChanged(listener: (names: readonly string[] | undefined) => void): void {
    this.#onChanged = listener
  }

  /** Listens to the present masters, once the command connection is up. */
  follow(): void {
    if (this.#closed) return
    const masters = this.#client.masters()
    if (this.#setting.tracked === undefined) this.#followOne(masters)
    else this.#followAll(masters)
    if (this.#client.isReady) for (const subscriber of this.#all) subscriber.connect()
    this.#judge()
  }

  /** Functions that each ping one server, unless it was pinged a moment ago. */
  checks(): (() => void)[] {
    return this.#all.map((subscriber) => () => subscriber.check())
  }

  /** Resolves when messages arrive, which may take a moment after the first connection. @throws the reason why they do not. */
  async mustHear(): Promise<void> {
    const giveUpMs = realTime.nowMs() + CONNECT_MS
    for (const subscriber of this.#all) subscriber.retry()
    while (!this.#hears) {
      const failed = this.#all.find(({ failure }) => failure !== undefined)
      if (failed !== undefined) throw failed.failure
      if (realTime.nowMs() > giveUpMs) throw new Error('the connection for messages between processes does not stand')
      // eslint-disable-next-line no-await-in-loop -- looks again until it is decided
      await realTime.pause(LOOK_EVERY_MS)
    }
  }

  /** Reconnects if changes are tracked. Some may have been missed, because another server may have the names now. */
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

  /** Goes to another master if the present server is gone, or is no longer a master. */
  #followOne(masters: readonly Redis[]): void {
    const [current] = this.#all
    // A subscriber that is still connecting is kept. If it were replaced each time, a slow one would never be ready.
    if (current?.isComing && masters.some((master) => addressOf(master) === current.address)) return
    const others = masters.filter((master) => addressOf(master) !== current?.address)
    const next = others[Math.floor(Math.random() * others.length)]
    if (next === undefined) return
    current?.close()
    this.#all = [this.#open(next)]
  }

  #followAll(masters: readonly Redis[]): void {
    const addresses = new Set(masters.map(addressOf))
    // While the masters are not known, the present subscribers stay.
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
      // The wait gives time to notice that the server is gone as well.
      onLost: () => realTime.setTimeout(() => this.follow(), AGAIN_WITHIN_MS * Math.random()).unref(),
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
    else if (what === MESSAGE.cycle) this.#probed(readCycleProbe(whose))
    else if (what !== undefined) this.#onEnded(whose, what)
  }

  #probed(probe: CycleProbe | undefined): void {
    if (probe !== undefined) this.#onCycleProbe(probe)
  }
}

function addressOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`
}
