import { realTime } from '../../../checks/real-time.js'

/** How many bytes may be under way at once: at the start, and the limits of what is learned. */
const FIRST_BYTES = 2 ** 20
const LEAST_BYTES = 2 ** 18
const MOST_BYTES = 2 ** 23
/** If an answer comes within this part of the time limit, more bytes may be under way; if it takes the other, fewer. */
const QUICK_SHARE = 1 / 10
const SLOW_SHARE = 1 / 4
/** When more bytes than this wait, the network cannot keep up, and nothing more is taken. */
const MOST_WAITING_BYTES = 2 ** 26

interface Waiting {
  readonly bytes: number
  readonly sinceMs: number
  readonly go: () => void
  readonly refuse: (error: Error) => void
}

/** The limits of a window. */
export interface WindowSetting {
  /** How long a server may be silent. */
  readonly timeoutMs: number
  /** How long something may wait until there is room. */
  readonly patienceMs: number
}

/**
 * A window of bytes, as in TCP: it lets only so many be under way at once. It learns how many are answered well within the time limit, so
 * that what is sent beside them does not have to wait long behind them. The others wait in order.
 */
export class ByteWindow {
  readonly #setting: WindowSetting
  readonly #waiting: Waiting[] = []
  #waitingBytes = 0
  #size = FIRST_BYTES
  #underWay = 0

  constructor(setting: WindowSetting) {
    this.#setting = setting
  }

  /** Whether nothing waits for room. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /**
   * Calls `send`, which sends or asks for about so many bytes, when there is room: at once, or after what waits already. `send` gives
   * whether it was answered, and never rejects. Calls `refuse` instead when too much waits, or it has waited for too long.
   */
  send(bytes: number, send: () => Promise<boolean>, refuse: (error: Error) => void): void {
    const go = (): void => this.#go(bytes, send)
    if (this.isEmpty && this.#hasRoomFor(bytes)) go()
    else if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > MOST_WAITING_BYTES)
      refuse(new Error('more waits than the network carries'))
    else {
      this.#waitingBytes += bytes
      this.#waiting.push({ bytes, sinceMs: realTime.nowMs(), go, refuse })
    }
  }

  /** Sends all that waits, whatever room there is. */
  flush(): void {
    this.#waitingBytes = 0
    for (const { go } of this.#waiting.splice(0)) go()
  }

  #go(bytes: number, send: () => Promise<boolean>): void {
    this.#underWay += bytes
    const sentMs = realTime.nowMs()
    void send().then((isAnswered) => {
      this.#underWay -= bytes
      this.#learn(realTime.nowMs() - sentMs, isAnswered)
      this.#next()
    })
  }

  /** One that is larger than the window is sent alone. */
  #hasRoomFor(bytes: number): boolean {
    return this.#underWay === 0 || this.#underWay + bytes <= this.#size
  }

  #next(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#hasRoomFor(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#waitingBytes -= next.bytes
      if (realTime.nowMs() - next.sinceMs < this.#setting.patienceMs) next.go()
      else next.refuse(new Error('the network was too slow for all that waited'))
    }
  }

  #learn(tookMs: number, isAnswered: boolean): void {
    const { timeoutMs } = this.#setting
    if (isAnswered && tookMs < QUICK_SHARE * timeoutMs) this.#size = Math.min(this.#size * 1.1, MOST_BYTES)
    else if (tookMs > SLOW_SHARE * timeoutMs) this.#size = Math.max(this.#size / 2, LEAST_BYTES)
  }
}
