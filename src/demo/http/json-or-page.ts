import type { Response } from 'express'

/** Answers browsers with a page, and with JSON everybody else, whatever they say they take. */
export function jsonOrPage(res: Response, body: object, page: () => void): void {
  const json = (): void => void res.json(body)
  res.format({ json, html: page, default: json })
}
