import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { RedisServer } from './redis-server.js'
import { sharedMs } from './steady-callers.js'

/** A command that a server was sent, by which port and when, in ms of a clock that all processes share. */
export interface Sent {
  readonly name: string
  readonly port: number
  readonly atMs: number
}

/** The commands that a server was sent while some work was done; those within scripts are left out, as MONITOR leaves out some of administration. */
export async function countedDuring(server: RedisServer, work: () => Promise<unknown>): Promise<Sent[]> {
  const socket = connect(server.port, '127.0.0.1')
  const lines = createInterface({ input: socket })
  const sent: Sent[] = []
  const sharedSinceMs = Date.now() - sharedMs()
  lines.on('line', (line) => {
    const [, seconds, port, name] = /^\+([\d.]+) \[\d+ \S+:(\d+)\] "([^"]*)"/.exec(line) ?? []
    if (name === undefined) return
    sent.push({ name: name.toLowerCase(), port: Number(port), atMs: 1000 * Number(seconds) - sharedSinceMs })
  })
  try {
    socket.write('MONITOR\r\n')
    await once(lines, 'line')
    await work()
    return sent
  } finally {
    socket.destroy()
  }
}
