import { startWorker } from './worker.js'

/** Bytes a second, and whether nothing passes. */
export interface LinkLimit {
  readonly bytesPerSecond?: number
  readonly isHeld?: boolean
}

/** A network of limited throughput, in a process of its own. */
export interface SlowLink {
  /** Where the servers are reached through it, in the order in which they were given. */
  readonly ports: readonly number[]
  /** Lets a port be reached at this unix socket, too. */
  socket(port: number, path: string): Promise<void>
  /** `down`: what servers send; `up`: what they are sent. Without limits at the start. */
  limit(direction: 'down' | 'up', limit: LinkLimit): Promise<void>
  refuse(refuses: boolean): Promise<void>
  close(): Promise<void>
}

/** Starts one in front of ports of this machine, which share its throughput. */
export async function startSlowLink(ports: readonly number[]): Promise<SlowLink> {
  const worker = await startWorker(new URL('../workers/slow-link.mjs', import.meta.url))
  return {
    ports: await worker.call<number[]>('open', ports),
    socket: (port, path) => worker.call('openSocket', port, path),
    limit: (direction, limit) => worker.call('limit', direction, limit),
    refuse: (refuses) => worker.call('refuse', refuses),
    close: () => worker.close(),
  }
}
