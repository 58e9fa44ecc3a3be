import { Turn } from './turn.js'

const NONE: readonly never[] = []

/** The turn of a call that writes, removes or reads some keys. */
export class KeyTurn extends Turn {
  readonly kind: 'write' | 'removal' | 'read'
  readonly keys: readonly string[]
  /** The tags that its entries get. */
  readonly tags: readonly string[]
  /** Whether a list that was asked for is to see what it writes. Then no later write takes its place. */
  isAwaited = false
  /** Of a write: for each of its keys, whether the value was stored. */
  stored: Promise<readonly boolean[]> | undefined
  /** The writes that came for its keys before its turn, with nothing between them, and at which place they have the key. */
  #later: Map<string, { readonly write: KeyTurn; readonly place: number }> | undefined
  #beside: readonly KeyTurn[] = NONE

  constructor(kind: KeyTurn['kind'], keys: readonly string[], tags: readonly string[] = NONE) {
    super()
    this.kind = kind
    this.keys = keys
    this.tags = tags
  }

  /** Removals beside a removal, or reads beside a read: it does not matter which is first. For those who wait, it ends with them. */
  get beside(): readonly KeyTurn[] {
    return this.#beside
  }

  /** Takes its place after the last turn of each of its keys. */
  followLast(last: ReadonlyMap<string, KeyTurn>): void {
    const after = new Set<Turn>()
    const beside = new Set<KeyTurn>()
    for (const [place, key] of this.keys.entries()) {
      const previous = last.get(key)
      if (previous === undefined) continue
      if (previous.kind !== this.kind) after.add(previous)
      else if (this.kind === 'write') {
        after.add(previous)
        if (!previous.hasCome && !previous.isAwaited) (previous.#later ??= new Map()).set(key, { write: this, place })
      } else {
        beside.add(previous)
        for (const turn of previous.after) after.add(turn)
      }
    }
    this.#beside = [...beside]
    this.follow([...after])
  }

  /** Whether a later write takes the place of this one for one of its keys. */
  get isReplaced(): boolean {
    return this.#later !== undefined
  }

  /**
   * Whether the value of a later write is stored, where that takes the place of this one for a key: then only the later one is carried out.
   * `undefined` where there is none.
   */
  storedLater(key: string): Promise<boolean> | undefined {
    const later = this.#later?.get(key)
    return later && Promise.resolve(later.write.stored).then((stored) => stored?.[later.place] === true)
  }

  override end(): void {
    this.#beside = NONE
    super.end()
  }
}
