/** Waits until all have ended, since what is still under way may still be carried out. Gives all values, or throws the first failure. */
export async function whenAllEnded<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  if (promises.length === 1) return [await (promises[0] as Promise<T>)]
  const ended = await Promise.allSettled(promises)
  return ended.map((each) => {
    if (each.status === 'rejected') throw each.reason
    return each.value
  })
}
