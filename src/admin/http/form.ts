import { type Request, type RequestHandler, type Response, urlencoded } from 'express'
import { Problem } from './problem.js'
import { parseForm, type Query } from './query.js'

const FORM_TYPE = 'application/x-www-form-urlencoded'
const MAX_BYTES = 8192

const parseBody = urlencoded({ extended: false, limit: MAX_BYTES, parameterLimit: 20 })

/** Reads the form that a request posts, whether the host has parsed it already or not. @throws {Problem} for anything but a small form. */
export async function readForm(req: Request, res: Response): Promise<Query> {
  const length = req.get('content-length')
  const isEmpty = length === '0' || (length === undefined && req.get('transfer-encoding') === undefined)
  if (isEmpty) throw new Problem(422, 'Nothing was sent', 'The form came without its fields.')
  if (req.is(FORM_TYPE) === false) throw new Problem(415, 'Not a form', `Only forms are taken here: ${FORM_TYPE}.`)
  if (Number(length) > MAX_BYTES) throw tooLarge()
  try {
    await run(parseBody, req, res)
  } catch (error) {
    const { status } = error as { status?: unknown }
    if (status === 413) throw tooLarge()
    throw new Problem(400, 'Not a form', 'The form could not be read.')
  }
  return parseForm(req.body)
}

/** Runs a middleware. Rejects with the error that the middleware passes on. */
export async function run(middleware: RequestHandler, req: Request, res: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    middleware(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(error)))
  })
}

function tooLarge(): Problem {
  return new Problem(413, 'Too much was sent', `A form may have at most ${MAX_BYTES} bytes.`)
}
