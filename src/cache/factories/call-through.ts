import { BatchFactory } from './batch-factory.js'
import type { Factory, FactoryContext, ManyFactory } from '../../contract/factory.js'
import type { ServedValue } from '../../contract/events/served-value.js'

/** Calls the factory of a key, because the cache is disabled. Nothing is read, and nothing is stored. */
export async function callThrough<T>(key: string, factory: Factory<T>): Promise<ServedValue<T>> {
  return { value: await factory(contextOf(key)), computeMs: 0, isComputed: true, isStored: false, isShared: false }
}

/** The same for many keys, by one call of their factory. */
export async function callThroughMany<T>(
  cache: object,
  keys: readonly string[],
  factory: ManyFactory<T, string>,
): Promise<Map<string, ServedValue<T>>> {
  const batch = new BatchFactory(cache, keys, factory)
  const found = await Promise.all(keys.map((key) => callThrough(key, batch.member(key).factory)))
  return new Map(keys.map((key, i) => [key, found[i] as ServedValue<T>]))
}

function contextOf(key: string): FactoryContext {
  const nothing = (): void => undefined
  const { signal } = new AbortController()
  return { key, signal, stale: undefined, setTtl: nothing, setGrace: nothing, setTags: nothing, skip: nothing }
}
