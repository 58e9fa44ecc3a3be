import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { RedisServer } from './redis-server.js'

const MARK = 'the end of the calls'

/** The commands that a server carried out while some work was done, also those within scripts: each with its arguments, as MONITOR quotes them. */
export async function callsDuring(server: RedisServer, work: () => Promise<unknown>): Promise<string[][]> {
  const socket = connect(server.port, '127.0.0.1')
  const lines = createInterface({ input: socket })
  const calls: string[][] = []
  const ended = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line.includes(MARK)) resolve()
      else calls.push(Array.from(line.matchAll(/"((?:[^"\\]|\\.)*)"/g), ([, argument = '']) => argument))
    })
  })
  try {
    socket.write('MONITOR\r\n')
    await once(lines, 'line')
    await work()
    await server.client().echo(MARK)
    await ended
    return calls
  } finally {
    socket.destroy()
  }
}
