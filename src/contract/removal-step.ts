/**
 * How a removal takes one of its steps: `remove` is called with those of these names that are to go, if there are any. Bytes are names that
 * are no keys.
 */
export type RemovalStep = <N extends string | Buffer>(
  names: readonly N[],
  remove: (those: readonly N[]) => Promise<void>,
) => Promise<void>

/** A step that leaves nothing out. */
export const wholeStep: RemovalStep = (names, remove) => remove(names)
