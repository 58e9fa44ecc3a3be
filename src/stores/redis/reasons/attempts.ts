import { isError } from '../../../checks/is-error.js'
import { realTime } from '../../../checks/real-time.js'
import type { Redis } from 'ioredis'
import { CUT } from './cure.js'
import { isReply, withoutSecrets } from './reply-error.js'

/** A server that takes connections, but no commands for longer than this, is loading its data, or is in trouble. */
const READY_WITHIN_MS = 1000

const LOST = 'the connection to Redis was closed'
export const NOT_READY =
  'Redis takes connections, but no commands yet: it is loading its data, and is used as soon as it has done so'
export const NOT_SERVING =
  'the Cluster does not serve all slots: start the nodes that are down; `redis-cli --cluster check` says which'
export const NO_TLS =
  'nothing answers by TLS: look at the address and firewalls, or, if this port speaks no TLS, write redis: in place of rediss:'
export const ENDED = 'its client is closed and does not connect again: give an open one with a strategy for retries'

/** The client whose attempts are watched. */
export interface Connecting {
  readonly kind: 'redis' | 'cluster'
  /** As ioredis has it. */
  readonly status: string
  /** Whether it speaks TLS. */
  readonly isSecure: boolean
  on(event: 'connect' | 'ready' | 'close' | 'error', listener: (error?: unknown) => void): void
  /** A client to one node, not connected yet. `undefined` if this is no Cluster, or it knows no node. */
  openNode(): Redis | undefined
}

/** Notes why the last attempt to connect has failed, or why the connection was lost. */
export class Attempts {
  readonly #client: Connecting
  /** What has gone wrong since the last attempt ended. */
  #failure: unknown
  #lastError: unknown
  #node: Redis | undefined
  #known: Promise<void> = Promise.resolve()
  #connectedMs = Infinity
  #wasReady = false

  constructor(client: Connecting) {
    this.#client = client
    client.on('connect', () => (this.#connectedMs = realTime.nowMs()))
    client.on('ready', () => {
      this.#wasReady = true
      this.#failure = this.#lastError = undefined
    })
    client.on('error', (error) => {
      if (isConsequence(error)) return
      // A server that refuses a client says why, and cuts the connection, which is another error.
      if (!isReply(this.#failure)) this.#failure = this.#told(error)
      if (this.#node === undefined) this.#known = this.#askNode()
    })
    client.on('close', () => {
      this.#lastError = this.#failure ?? this.#closed()
      this.#failure = undefined
      this.#connectedMs = Infinity
      this.#wasReady = false
    })
  }

  /** Resolves when it is known why the last attempt has failed: at once, but on a Cluster. */
  get known(): Promise<void> {
    return this.#known
  }

  /** Why there is no connection. `undefined` while there is one, and before the first attempt has failed. */
  get lastError(): unknown {
    const { status } = this.#client
    if (status === 'connect' && realTime.nowMs() - this.#connectedMs > READY_WITHIN_MS) return new Error(NOT_READY)
    return this.#failure ?? this.#lastError ?? (status === 'end' ? new Error(ENDED) : undefined)
  }

  close(): void {
    this.#node?.disconnect()
  }

  /** ioredis says that no node of a Cluster could be used, and not why. So one node is connected to, to see what fails. Never rejects. */
  async #askNode(): Promise<void> {
    const isAnswer = isError(this.#failure) && isReply(this.#failure.cause)
    const node = isAnswer ? undefined : this.#client.openNode()
    if (node === undefined) return
    this.#node = node
    node.on('error', (error: unknown) => {
      const told = this.#told(error)
      if (this.#failure !== undefined) this.#failure = told
      else if (this.#lastError !== undefined) this.#lastError = told
    })
    await node.connect().catch(() => 'the event `error` says why')
    node.disconnect()
    this.#node = undefined
  }

  /** Why a connection is closed that had no error. */
  #closed(): unknown {
    if (this.#wasReady) return new Error(LOST)
    if (this.#connectedMs === Infinity && this.#lastError !== undefined) return this.#lastError
    return new Error(this.#client.kind === 'cluster' ? NOT_SERVING : CUT)
  }

  #told(error: unknown): unknown {
    const cause = withoutSecrets(error)
    const code = isError(cause) && 'code' in cause ? cause.code : undefined
    if (this.#wasReady && (code === 'ECONNRESET' || code === 'EPIPE')) return new Error(LOST, { cause })
    return this.#client.isSecure && code === 'ETIMEDOUT' ? new Error(NO_TLS, { cause }) : cause
  }
}

/** ioredis 5 tells, after a connection is lost, that it has given up what was sent, as if that were the reason. */
function isConsequence(error: unknown): boolean {
  return isError(error) && (error.name === 'MaxRetriesPerRequestError' || error.name === 'AbortError')
}
