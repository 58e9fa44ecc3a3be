/** All items, in order. Gives a promise only if one of them is a promise. */
export function allOf<T>(items: readonly (T | Promise<T>)[]): readonly T[] | Promise<readonly T[]> {
  if (!items.some((each) => each instanceof Promise)) return items as readonly T[]
  return Promise.all(items.map(async (each) => each))
}
