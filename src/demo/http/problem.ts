import type { Response } from 'express'
import { jsonOrPage } from './json-or-page.js'

/** Answers with a status and a sentence that says what is wrong: as a page for browsers, as JSON for everybody else. */
export function problem(res: Response, status: number, sentence: string): void {
  res.status(status)
  jsonOrPage(res, { error: sentence }, () => res.render('problem', { sentence }))
}
