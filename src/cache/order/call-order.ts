import type { RemovalStep } from '../../contract/removal-step.js'
import { childPrefix } from '../../keys/key-tree.js'
import { type Deletion, concerns } from './deletion.js'
import { KeyTurn } from './key-turn.js'
import { type Turn, allEnded } from './turn.js'
import { WideRemoval } from './wide-removal.js'

/** Whether an entry with these tags counts as missing. */
export type Hiding = (tags: readonly string[]) => boolean

/**
 * Has the calls of one key carried out in the order in which they were made, awaited or not. What comes after a change of a key waits until
 * that one has been answered, since before that nobody knows its place: it may be compressed, wait for the network, or be sent again,
 * because the server has forgotten a script, is full or is not the one that has the key. Calls of other keys wait for nothing.
 */
export class CallOrder {
  /** The last turn of each key that has a change under way. */
  readonly #last = new Map<string, KeyTurn>()
  readonly #wide = new Set<WideRemoval>()
  readonly #onChange: ((deletion: Deletion) => void)[] = []

  /** Whether nothing that is under way changes any key. */
  get isIdle(): boolean {
    return this.#last.size === 0 && this.#wide.size === 0
  }

  /** Calls the listener, in the async context of the call, when a call that changes keys is made: what was known of them is out of date. */
  onChange(listener: (deletion: Deletion) => void): void {
    this.#onChange.push(listener)
  }

  /** The turn of a call that stores entries with these tags under some keys. Whoever begins a turn ends it. */
  beginWrite(keys: readonly string[], tags: readonly string[]): KeyTurn {
    const write = new KeyTurn('write', keys, tags)
    this.#place(write)
    if (this.#wide.size > 0) for (const wide of this.#wide) wide.spare(write)
    this.#tellOf(keys)
    return write
  }

  /** The turn of a call that removes a key. */
  beginRemoval(key: string): KeyTurn {
    const removal = new KeyTurn('removal', [key])
    this.#place(removal)
    this.#tellOf([key])
    return removal
  }

  /** The turn of a call that removes what may be many keys. It waits for all changes of these keys. */
  beginWide(deletion: Deletion): WideRemoval {
    const wide = new WideRemoval(deletion)
    // What waits itself may stand before something with other tags.
    const earlier = [...this.#last].filter(([key, turn]) =>
      concerns(deletion, key, turn.hasCome ? turn.tags : undefined),
    )
    wide.follow([...new Set(earlier.map(([, turn]) => turn))])
    this.#wide.add(wide)
    for (const tell of this.#onChange) tell(deletion)
    return wide
  }

  end(turn: KeyTurn | WideRemoval): void {
    if (turn instanceof WideRemoval) {
      this.#wide.delete(turn)
      turn.end()
      return
    }
    if (turn.beside.length === 0 || turn.beside.every(({ hasEnded }) => hasEnded)) this.#close(turn)
    else void allEnded(turn.beside).then(() => this.#close(turn))
  }

  /** Calls `read`, which reads some keys, in its turn: at once if none of them is being changed. It need not be answered for the next turn. */
  read<T>(keys: readonly string[], read: () => Promise<T>): Promise<T> {
    if (this.#last.size === 0 || !keys.some((key) => this.#last.has(key))) return read()
    const turn = new KeyTurn('read', keys)
    this.#place(turn)
    return Promise.resolve(turn.come()).then(() => {
      try {
        return read()
      } finally {
        this.end(turn)
      }
    })
  }

  /**
   * Settles when the calls of a key and of those below it (by default all keys) are carried out; `undefined` if there are none. What removes
   * many keys is not waited for: how many are left is asked for while it goes on.
   */
  settled(under?: string): Promise<void> | undefined {
    const turns = [...this.#last]
      .filter(([key]) => under === undefined || key === under || key.startsWith(childPrefix(under)))
      .map(([, turn]) => turn)
    for (const turn of turns) turn.isAwaited = true
    return turns.length === 0 ? undefined : allEnded(new Set<Turn>(turns))
  }

  /** Settles when nothing is under way that changes keys. */
  async idle(): Promise<void> {
    await allEnded(new Set<Turn>([...this.#last.values(), ...this.#wide]))
  }

  /**
   * Which entries of a key count as missing for a call that is made now, because a removal that is under way concerns them. `undefined`:
   * none.
   */
  hiding(key: string): Hiding | undefined {
    if (this.#wide.size === 0) return undefined
    const found = [...this.#wide].filter((wide) => wide.mayBeFound(key))
    return found.length === 0 ? undefined : (tags) => found.some(({ deletion }) => concerns(deletion, key, tags))
  }

  /** How a removal takes a step: it leaves out what was written since it was called, and what is written later waits for the step. */
  stepOf(wide: WideRemoval): RemovalStep {
    return async (names, remove) => {
      const left = wide.left(names)
      if (left.length === 0) return
      const removal = new KeyTurn(
        'removal',
        left.filter((name) => typeof name === 'string'),
      )
      this.#place(removal)
      try {
        await removal.come()
        await remove(left)
      } finally {
        this.end(removal)
      }
    }
  }

  #place(turn: KeyTurn): void {
    const { keys } = turn
    if (this.#last.size > 0 && keys.some((key) => this.#last.has(key))) turn.followLast(this.#last)
    for (let i = 0; i < keys.length; i++) this.#last.set(keys[i] as string, turn)
  }

  #close(turn: KeyTurn): void {
    for (const key of turn.keys) if (this.#last.get(key) === turn) this.#last.delete(key)
    turn.end()
  }

  #tellOf(keys: readonly string[]): void {
    if (this.#onChange.length === 0) return
    for (const tell of this.#onChange) for (const key of keys) tell({ key, children: false, tag: undefined })
  }
}
