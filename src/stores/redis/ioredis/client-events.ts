import type { Cluster, Redis } from 'ioredis'
import { outside } from '../../../checks/outside.js'

/** The events of an ioredis client that a cache listens to. */
export type ClientEvent = 'connect' | 'ready' | 'close' | 'end' | 'select' | 'error' | 'refresh' | '+node'

type Listener = (...details: unknown[]) => void

/** The listeners of all caches on one client, and the one that the client itself has for them. */
interface Shared {
  readonly listeners: Set<Listener>
  readonly tellAll: Listener
}

const sharedOf = new WeakMap<Redis | Cluster, Map<ClientEvent, Shared>>()

/**
 * Calls the listener on an event of the client. Gives a function that ends this. However many caches are on a client, it has one listener
 * for each event from them, because Node takes more than ten for a leak and warns.
 */
export function listenTo(client: Redis | Cluster, event: ClientEvent, listener: Listener): () => void {
  const events = sharedOf.get(client) ?? new Map<ClientEvent, Shared>()
  sharedOf.set(client, events)
  const { listeners, tellAll } = events.get(event) ?? share()
  if (listeners.size === 0) {
    events.set(event, { listeners, tellAll })
    client.on(event, tellAll)
  }
  listeners.add(listener)
  return () => {
    if (!listeners.delete(listener) || listeners.size > 0) return
    events.delete(event)
    client.off(event, tellAll)
  }
}

function share(): Shared {
  const listeners = new Set<Listener>()
  // A listener may end itself or another one. The client may be that of a request.
  const tellAll = (...details: unknown[]): void =>
    outside(() => [...listeners].forEach((listener) => listener(...details)))
  return { listeners, tellAll }
}
