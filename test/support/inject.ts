import { IncomingMessage, type RequestListener, ServerResponse } from 'node:http'
import { Socket } from 'node:net'

/** A request as a server would have parsed it. */
export interface Injected {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Buffer | undefined
}

/** How it was answered. */
export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

/** Hands requests to an application without a connection, as fast as it answers. Rejects when it does not answer in time. */
export async function inject(
  app: RequestListener,
  { method, url, headers, body }: Injected,
  timeoutMs = 30_000,
): Promise<Answered> {
  const socket = new Socket()
  const req = new IncomingMessage(socket)
  Object.assign(req, { method, url, httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1 })
  req.headers = {
    host: 'cache.example',
    ...headers,
    ...(body === undefined ? {} : { 'content-length': `${body.length}` }),
  }
  req.rawHeaders = Object.entries(req.headers).flatMap(([name, value]) => [name, String(value)])
  if (body !== undefined) req.push(body)
  req.push(null)
  const res = new ServerResponse(req)
  const chunks: Buffer[] = []
  // what a connection would carry
  res.write = (chunk: unknown) => {
    chunks.push(Buffer.from(chunk as string))
    return true
  }
  return new Promise<Answered>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`No answer to ${method} ${url}`)), timeoutMs)
    res.end = ((chunk?: unknown) => {
      clearTimeout(timer)
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk as string))
      res.emit('finish')
      resolve({ status: res.statusCode, headers: res.getHeaders(), body: Buffer.concat(chunks).toString() })
      return res
    }) as typeof res.end
    app(req, res)
  }).finally(() => socket.destroy())
}
