import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { RedisServer } from './redis-server.js'

const MARK = 'the end of the work'

/**
 * The commands that a server was sent while some work was done, those of scripts left out. Read from the socket itself: a client may
 * take another's command, told before the answer to MONITOR, for that answer.
 */
export async function commandsDuring(server: RedisServer, work: () => Promise<unknown>): Promise<string[]> {
  const socket = connect(server.port, '127.0.0.1')
  const lines = createInterface({ input: socket })
  const commands: string[] = []
  const ended = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      const [, source = '', command = ''] = /^\+[\d.]+ \[\d+ (\S+)\] "(\S+?)"/.exec(line) ?? []
      if (line.includes(MARK)) resolve()
      else if (source !== 'lua' && command !== '') commands.push(command.toLowerCase())
    })
  })
  try {
    socket.write('MONITOR\r\n')
    await once(lines, 'line')
    await work()
    await server.client().echo(MARK)
    await ended
    return commands
  } finally {
    socket.destroy()
  }
}
