import type { cached as decorator } from '../../src/index.js'

/** Classes with methods under the decorator. They are compiled by `tsc`, since what runs the tests knows no decorators. */
export function decorated(cached: typeof decorator) {
  class Weather {
    static calls = 0
    readonly cacheId: string | number | undefined
    calls = 0

    constructor(cacheId?: string | number) {
      this.cacheId = cacheId
    }

    @cached({ ttl: 60 })
    async forecast(days: number): Promise<string> {
      this.calls++
      return `${days} days in ${this.cacheId}`
    }

    @cached('1h')
    static async stations(country: string): Promise<string> {
      this.calls++
      return `${country} in ${this.name}`
    }
  }

  class Local extends Weather {}

  /** Has no `cacheId`. */
  class Shop {
    calls = 0

    @cached({ name: 'price', key: (product: { id: number }) => ['of', product.id] })
    async price(product: { id: number }): Promise<number> {
      this.calls++
      return product.id * 10
    }

    @cached({ ttl: 60 })
    async total(): Promise<number> {
      return 1
    }
  }

  /** Has a `cacheId`, and `key` too. */
  class Account {
    readonly cacheId: number

    constructor(cacheId: number) {
      this.cacheId = cacheId
    }

    @cached({ key: ({ year }: { year: number }) => [year] })
    async turnover({ year }: { year: number }): Promise<string> {
      return `${this.cacheId} in ${year}`
    }
  }

  /** Its `key` looks at `this`, or gives no part at all, or is wrong. */
  class Office {
    readonly city: string
    calls = 0

    constructor(city: string) {
      this.city = city
    }

    @cached({
      key(this: unknown) {
        return [(this as Office).city]
      },
    })
    async address(): Promise<string> {
      return `in ${this.city}`
    }

    @cached({ key: () => [] })
    async motto(): Promise<number> {
      return ++this.calls
    }

    @cached({ key: () => 'text' as never })
    async phone(): Promise<number> {
      return ++this.calls
    }

    @cached({ key: () => [] })
    static async founded(year?: number): Promise<number> {
      return year ?? 1999
    }
  }

  return { Weather, Local, Shop, Account, Office }
}

/** A class of the same name as one above. */
export function namesake(cached: typeof decorator) {
  class Weather {
    @cached(60)
    static async stations(): Promise<string> {
      return 'of the other one'
    }
  }
  return Weather
}

/** A class without a name. */
export function nameless(cached: typeof decorator) {
  return [
    class {
      @cached(60)
      static async load(): Promise<number> {
        return 1
      }
    },
  ] as const
}

/** A class with a private method under the decorator. */
export function secretive(cached: typeof decorator): new () => { open(): Promise<number> } {
  return class Safe {
    readonly cacheId = 1
    calls = 0

    async open(): Promise<number> {
      return this.#secret()
    }

    @cached(60)
    async #secret(): Promise<number> {
      return ++this.calls
    }
  }
}
