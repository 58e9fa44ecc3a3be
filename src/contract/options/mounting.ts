import { IncomingMessage } from 'node:http'

/** What makes a handler, and how it is mounted. */
export interface Mounting {
  readonly name: string
  /** As it is written in an application. */
  readonly mounted: string
  readonly isCache: (value: unknown) => boolean
}

/** @throws {TypeError} that says what to write, where a request or a cache is given in place of options. */
export function checkMounting(options: unknown, { name, mounted, isCache }: Mounting): void {
  if (options instanceof IncomingMessage) {
    throw new TypeError(`Expected the options of ${name}, got a request: write \`${mounted}\`, with parentheses`)
  }
  if (isCache(options)) {
    throw new TypeError(`Expected the options of ${name}, got a cache: write \`${name}({ cache })\``)
  }
}
