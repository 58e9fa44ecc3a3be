import { quoted } from '../checks/one-line.js'

/** Which function has which name in one cache, so that no two functions share keys. */
export class ClaimedNames {
  readonly #owners = new Map<string, unknown>()

  /** @throws {Error} when another function has the name. */
  claim(name: string, owner: unknown): void {
    const known = this.#owners.get(name)
    if (known === undefined) this.#owners.set(name, owner)
    else if (known !== owner) {
      throw new Error(
        `Two cached functions are called ${quoted(name)} and would share their keys: give one of them another \`name\`, and call cacheFunction or wrap once, outside of request handlers`,
      )
    }
  }
}
