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
      key(this: Office) {
        return [this.city]
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

/** Classes whose methods override each other, and call what they override. */
export function overriding(cached: typeof decorator) {
  class Animal {
    readonly cacheId: number | undefined
    static calls = 0

    constructor(cacheId?: number) {
      this.cacheId = cacheId
    }

    @cached(60)
    async sound(): Promise<string> {
      Animal.calls++
      return `animal ${this.cacheId}`
    }

    @cached(60)
    static async kinds(): Promise<string> {
      return `kinds of ${this.name}`
    }

    @cached(60)
    async food(): Promise<string> {
      return `food of ${this.cacheId}`
    }
  }

  class Dog extends Animal {
    @cached(60)
    override async sound(): Promise<string> {
      return `dog, ${await super.sound()}`
    }

    @cached(60)
    static override async kinds(): Promise<string> {
      return `dogs, ${await super.kinds()}`
    }

    override async food(): Promise<string> {
      return `bones, ${await super.food()}`
    }
  }

  class Puppy extends Dog {
    @cached(60)
    override async sound(): Promise<string> {
      return `puppy, ${await super.sound()}`
    }
  }

  return { Animal, Dog, Puppy }
}

/** A class that overrides a method of one without a name. */
export function mixed(cached: typeof decorator) {
  const mixin = <B extends new (...args: any[]) => object>(Base: B) =>
    class extends Base {
      @cached({ ttl: 60, key: () => [] })
      async load(): Promise<string> {
        return 'mixed in'
      }
    }

  return class Mixed extends mixin(Object) {
    @cached({ ttl: 60, key: () => [] })
    override async load(): Promise<string> {
      return `own, ${await super.load()}`
    }
  }
}

/** A class with a static and an instance method of one name. */
export function twofold(cached: typeof decorator) {
  return class City {
    readonly cacheId: number

    constructor(cacheId: number) {
      this.cacheId = cacheId
    }

    @cached(60)
    async load(part?: number): Promise<string> {
      return `instance ${this.cacheId} ${part}`
    }

    @cached(60)
    static async load(id: number): Promise<string> {
      return `static ${id}`
    }
  }
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
