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
 * Gives a function that says how many bytes of answers have arrived from the server that keeps a name: none while a Cluster has no server
 * for its slot. What others send is no sign of a server that is gone, nor is what arrives while it owes no answer: ioredis then waits
 * before it sends a command again.
 */
export function bytesReadFrom(client: Redis | Cluster, name: string): () => number {
  const slot = client.isCluster ? slotOf(name) : 0
  let lastSeen = 0
  let arrived = 0
  return () => {
    const nodes = client.isCluster ? nodesOfSlot(client as Cluster, slot) : nodesOf(client)
    const seen = sum(nodes)
    if (nodes.some(({ commandQueue }) => commandQueue.length > 0)) arrived += Math.max(0, seen - lastSeen)
    lastSeen = seen
    return arrived
  }
}

function nodesOfSlot(cluster: Cluster, slot: number): readonly Redis[] {
  const address = slotsOf(cluster)[slot]?.[0]
  return cluster.nodes().filter(({ options: { host, port } }) => `${host}:${port}` === address)
}

function sum(nodes: readonly Redis[]): number {
  return nodes.reduce((bytes, { stream }) => bytes + (stream?.bytesRead ?? 0), 0)
}
