import express, { type Request, type Response } from 'express'
import { keyedcache, type KeyedcacheOptions } from '../../src/express/middleware.js'
import { listen } from './listen.js'

/** Does the work inside one real request, and gives what the work gave. */
export async function inRequest<T>(
  work: (req: Request, res: Response) => T | Promise<T>,
  options: KeyedcacheOptions,
): Promise<T> {
  const app = express().use(keyedcache(options))
  const outcome = new Promise<T>((resolve, reject) => {
    app.get('/', (req, res) => {
      Promise.resolve(work(req, res))
        .then(resolve, reject)
        .finally(() => res.end())
    })
  })
  const server = await listen(app)
  try {
    await Promise.all([fetch(server.url), outcome])
    return await outcome
  } finally {
    await server.close()
  }
}
