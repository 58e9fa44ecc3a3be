/** What the dashboard answers instead of a page, in words for the reader. No answer shows its stack. */
export class Problem extends Error {
  readonly status: number
  readonly title: string
  /** Response headers that belong to the status. */
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, title: string, sentence: string, headers: Record<string, string> = {}) {
    super(sentence)
    this.name = 'Problem'
    this.status = status
    this.title = title
    this.headers = headers
  }
}

/** A change that was denied. The audit trail records it. */
export class Denied extends Problem {}

/** The request cannot be understood. */
export function badRequest(sentence: string): Problem {
  return new Problem(400, 'This address does not work', sentence)
}

/** The deletion could not be recorded, so nothing was deleted. */
export function notRecorded(): Problem {
  const sentence = 'Every deletion is recorded before it is done, and this one could not be. Try again in a moment.'
  return new Problem(503, 'Nothing was deleted', sentence, { 'Retry-After': '5' })
}

/** Redis does not answer, and the request needs an answer. */
export function notResponding(sentence: string): Problem {
  return new Problem(503, 'The cache does not respond', sentence, { 'Retry-After': '5' })
}
