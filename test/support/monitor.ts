import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { RedisServer } from './redis-server.js'

const MARK = 'the end of the work'

interface Call {
  readonly isInScript: boolean
  readonly args: readonly string[]
}

/** The names of the commands that a server was sent while some work was done, those of scripts left out. */
export async function commandsDuring(server: RedisServer, work: () => Promise<unknown>): Promise<string[]> {
  const calls = await monitor(server, work)
  return calls.filter(({ isInScript }) => !isInScript).map(({ args: [name = ''] }) => name.toLowerCase())
}

/** The commands that a server carried out while some work was done, also those within scripts: each with its arguments, as MONITOR quotes them. */
export async function callsDuring(server: RedisServer, work: () => Promise<unknown>): Promise<(readonly string[])[]> {
  return (await monitor(server, work)).map(({ args }) => args)
}

/** Read from the socket itself: a client may take another's command, told before the answer to MONITOR, for that answer. */
async function monitor(server: RedisServer, work: () => Promise<unknown>): Promise<Call[]> {
  const socket = connect(server.port, '127.0.0.1')
  const lines = createInterface({ input: socket })
  const calls: Call[] = []
  const ended = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      const source = /^\+[\d.]+ \[\d+ (\S+)\] "/.exec(line)?.[1]
      if (line.includes(MARK)) resolve()
      else if (source !== undefined) {
        const args = Array.from(line.matchAll(/"((?:[^"\\]|\\.)*)"/g), ([, argument = '']) => argument)
        calls.push({ isInScript: source === 'lua', args })
      }
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
