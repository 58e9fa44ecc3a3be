import type { Redis } from 'ioredis'
import type { Ended } from '../store.js'
import type { Client } from './client.js'

/**
 * The messages that tell when a computation has ended, on a connection of their own. On a Cluster any of the masters will do, as each
 * has the messages of all; when it is gone, another one does.
 */
export class Wake {
  readonly #client: Client
  readonly #channel: string
  readonly #onError: (operation: string, error: unknown) => void
  #subscriber: Redis | undefined
  #address = ''
  #listener: (key: string, ended: Ended) => void = () => undefined
  #hears = false
  #closed = false

  constructor(client: Client, channel: string, onError: (operation: string, error: unknown) => void) {
    this.#client = client
    this.#channel = channel
    this.#onError = onError
    this.follow()
  }

  /** Whether messages arrive now. */
  get hears(): boolean {
    return this.#hears
  }

  onEnded(listener: (key: string, ended: Ended) => void): void {
    this.#listener = listener
  }

  /** Goes to another server where the one that was listened to is gone, or is a master no more. */
  follow(): void {
    if (this.#closed) return
    const masters = this.#client.masters()
    if (this.#hears && masters.some((master) => addressOf(master) === this.#address)) return
    const others = masters.filter((master) => addressOf(master) !== this.#address)
    const next = others[Math.floor(Math.random() * others.length)]
    if (next !== undefined) this.#subscribe(next)
  }

  close(): void {
    this.#closed = true
    this.#hears = false
    this.#subscriber?.disconnect()
  }

  #subscribe(master: Redis): void {
    this.#subscriber?.disconnect()
    const subscriber = this.#client.openSubscriber(master)
    this.#subscriber = subscriber
    this.#address = addressOf(master)
    this.#hears = false
    const isMine = (): boolean => this.#subscriber === subscriber && !this.#closed
    subscriber.on('ready', () => {
      subscriber.subscribe(this.#channel).then(
        () => {
          this.#hears = isMine()
        },
        (error: unknown) => this.#onError('subscribe', error),
      )
    })
    subscriber.on('close', () => {
      if (isMine()) this.#hears = false
    })
    // The connection for commands reports the same server's troubles.
    subscriber.on('error', () => undefined)
    subscriber.on('message', (_channel, message) => {
      if (isMine()) this.#tell(message)
    })
  }

  #tell(message: string): void {
    const space = message.indexOf(' ')
    const ended = message.slice(0, space)
    if (ended === 'filled' || ended === 'nothing' || ended === 'voided') this.#listener(message.slice(space + 1), ended)
  }
}

function addressOf({ options: { host, port } }: Redis): string {
  return `${host}:${port}`
}
