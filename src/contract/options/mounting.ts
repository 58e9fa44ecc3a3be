import { IncomingMessage } from 'node:http'

/** The function that makes a handler, and how the handler is mounted. */
export interface Mounting {
  readonly name: string
  /** The code that mounts it, as an application writes it. */
  readonly mounted: string
  readonly isCache: (value: unknown) => boolean
}

/** @throws {TypeError} when a request or a cache is given instead of options. The message says what to write. */
export function checkMounting(options: unknown, { name, mounted, isCache }: Mounting): void {
  if (options instanceof IncomingMessage) {
    throw new TypeError(`Expected the options of ${name}, got a request: write \`${mounted}\`, with parentheses`)
  }
  if (isCache(options)) {
    throw new TypeError(`Expected the options of ${name}, got a cache: write \`${name}({ cache })\``)
  }
}
