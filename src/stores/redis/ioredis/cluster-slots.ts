import type { Cluster } from 'ioredis'

/** The addresses of the servers of each slot, its master first. ioredis has it, and its types do not. */
export function slotsOf(cluster: Cluster): readonly (readonly string[] | undefined)[] {
  return (cluster as unknown as { slots?: string[][] }).slots ?? []
}
