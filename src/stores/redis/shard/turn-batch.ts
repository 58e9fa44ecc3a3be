import { realTime } from '../../../checks/real-time.js'
import { splitEvenly } from './split-evenly.js'

/** How many scripts the items are divided into: Redis runs one while this process builds the other. */
const SCRIPTS = 2
/** The least items in a script, if there are that many. */
const LEAST = 4

/** An item, and the caller that waits for its answer. */
export interface Asked<Item, Answer> {
  readonly item: Item
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/**
 * Collects all items that come while this process handles one event and the promises that it settles, and asks about them together. It adds
 * no wait.
 */
export class Batch<Item, Answer> {
  readonly #divide: (all: readonly Asked<Item, Answer>[]) => Iterable<readonly Asked<Item, Answer>[]>
  readonly #ask: (items: readonly Item[]) => Promise<readonly Answer[]>
  #waiting: Asked<Item, Answer>[] = []

  /** `ask` gives an answer for each item, in order. `divide` says which items are asked about together. */
  constructor(
    divide: (all: readonly Asked<Item, Answer>[]) => Iterable<readonly Asked<Item, Answer>[]>,
    ask: (items: readonly Item[]) => Promise<readonly Answer[]>,
  ) {
    this.#divide = divide
    this.#ask = ask
  }

  /** The answer about one item. */
  ask(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      // When called from a promise callback, `nextTick` comes after all settled promises.
      if (this.#waiting.length === 0) realTime.nextTick(this.flush)
      this.#waiting.push({ item, resolve, reject })
    })
  }

  /** Asks about all items that wait. */
  readonly flush = (): void => {
    const all = this.#waiting
    this.#waiting = []
    for (const part of splitEvenly(all, SCRIPTS, LEAST, Infinity))
      for (const some of this.#divide(part)) this.#send(some)
  }

  #send(some: readonly Asked<Item, Answer>[]): void {
    this.#ask(some.map(({ item }) => item)).then(
      (answers) => {
        for (const [i, { resolve }] of some.entries()) resolve(answers[i] as Answer)
      },
      (error: unknown) => {
        for (const { reject } of some) reject(error)
      },
    )
  }
}
