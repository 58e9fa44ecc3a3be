import { splitEvenly } from './split-evenly.js'

/** As how many scripts items go: Redis carries out one while this process puts the other together. */
const SCRIPTS = 2
/** How many items go together at least, where there are so many. */
const LEAST = 4

/** One who waits for the answer about an item. */
export interface Asked<Item, Answer> {
  readonly item: Item
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/** Asks at once about all items that come while this process handles one event and the promises which that settles. Nobody waits for it. */
export class Batch<Item, Answer> {
  readonly #divide: (all: readonly Asked<Item, Answer>[]) => Iterable<readonly Asked<Item, Answer>[]>
  readonly #ask: (items: readonly Item[]) => Promise<readonly Answer[]>
  #waiting: Asked<Item, Answer>[] = []

  /** `ask` gives an answer for each item, in order; `divide` says which items are asked about together. */
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
      // Called from a promise, that is after all promises.
      if (this.#waiting.length === 0) process.nextTick(this.flush)
      this.#waiting.push({ item, resolve, reject })
    })
  }

  /** Asks about all that wait. */
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
