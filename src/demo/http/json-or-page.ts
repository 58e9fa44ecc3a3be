import type { Response } from 'express'

/** Answers with a page for clients that ask for HTML, as browsers do, and with JSON for all others. */
export function jsonOrPage(res: Response, body: object, page: () => void): void {
  const json = (): void => void res.json(body)
  res.format({ json, html: page, default: json })
}
