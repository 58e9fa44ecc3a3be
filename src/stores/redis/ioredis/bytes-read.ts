import type { Cluster, Redis } from 'ioredis'
import { slotsOf } from './cluster-slots.js'
import { slotOf } from './key-slot.js'

/** How many bytes have arrived from all servers of a client, on the present connections. */
export function bytesRead(client: Redis | Cluster): number {
  return sum(nodesOf(client))
}

/** All servers of a client. */
export function nodesOf(client: Redis | Cluster): readonly Redis[] {
  return client.isCluster ? (client as Cluster).nodes() : [client as Redis]
}

/**
 * Gives a function that says how many bytes have arrived from the server that keeps a name, on the present connection. While the slots of a
 * Cluster are not known: from all its servers.
 */
export function bytesReadFrom(client: Redis | Cluster, name: string): () => number {
  if (!client.isCluster) return () => bytesRead(client)
  const slot = slotOf(name)
  return () => {
    const address = slotsOf(client as Cluster)[slot]?.[0]
    const nodes = nodesOf(client)
    const node = nodes.find(({ options: { host, port } }) => `${host}:${port}` === address)
    return sum(node === undefined ? nodes : [node])
  }
}

function sum(nodes: readonly Redis[]): number {
  return nodes.reduce((bytes, { stream }) => bytes + (stream?.bytesRead ?? 0), 0)
}
