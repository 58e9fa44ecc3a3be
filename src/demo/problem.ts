import type { Response } from 'express'

/** Answers with a status and a sentence that says what is wrong: as JSON, to browsers as a page. */
export function problem(res: Response, status: number, sentence: string): void {
  res.status(status).format({
    json: () => res.json({ error: sentence }),
    html: () => res.render('problem', { sentence }),
  })
}
