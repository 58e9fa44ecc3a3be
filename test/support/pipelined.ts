import { connect } from 'node:net'

/**
 * Sends GET requests without waiting for answers in between, over a few kept connections, so that the server works on all of
 * them at once. Gives the bodies, which must come with a length, in the order of the paths.
 */
export async function pipelined(url: string, paths: readonly string[], connections: number): Promise<string[]> {
  const each = Math.ceil(paths.length / connections)
  const shares = Array.from({ length: connections }, (_, i) => paths.slice(i * each, (i + 1) * each))
  return (await Promise.all(shares.map((share) => overOneConnection(new URL(url), share)))).flat()
}

async function overOneConnection({ hostname, port, host }: URL, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return []
  const socket = connect(Number(port), hostname).setEncoding('utf8')
  socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`).join(''))
  const bodies: string[] = []
  let text = ''
  for await (const chunk of socket) {
    text += String(chunk)
    let start = 0
    for (;;) {
      const head = text.indexOf('\r\n\r\n', start)
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(start, head))?.[1])
      if (head === -1 || text.length < head + 4 + length) break
      if (Number.isNaN(length)) throw new Error(`An answer without a length: ${text.slice(start, head)}`)
      start = head + 4 + length
      bodies.push(text.slice(head + 4, start))
    }
    text = text.slice(start)
    if (bodies.length === paths.length) return bodies
  }
  throw new Error(`The connection ended after ${bodies.length} of ${paths.length} answers`)
}
