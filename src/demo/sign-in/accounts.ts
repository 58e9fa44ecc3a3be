import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { type Request, type Response, Router } from 'express'
import { Attempts } from './attempts.js'
import { nextPath } from './next-path.js'
import { problem } from '../http/problem.js'

/** Who is signed in. */
export interface User {
  readonly username: string
  /** Whether the user may see the dashboard. */
  readonly isStaff: boolean
}

declare module 'express-session' {
  interface SessionData {
    user?: User
  }
}

const USERS: readonly User[] = [
  { username: 'staff', isStaff: true },
  { username: 'visitor', isStaff: false },
]

const hash = promisify<string, Buffer, number, Buffer>(scrypt)

/** Sign-in and sign-out by session. Both users have the same password. */
export async function accountsRouter(password: string, cookieName: string): Promise<Router> {
  const salt = randomBytes(16)
  const expected = await hash(password, salt, 32)
  const attempts = new Attempts()
  const router = Router()

  router.get('/login', (req, res) => {
    showForm(res, { next: nextPath(req.query['next']), username: '', error: undefined })
  })

  router.post('/login', async (req, res) => {
    const username = field(req, 'username')
    const next = nextPath(field(req, 'next') || req.query['next'])
    const who = `${req.ip} ${username.slice(0, 64)}`
    const waitSeconds = attempts.begin(who)
    if (waitSeconds > 0) {
      res.status(429).set('Retry-After', `${waitSeconds}`)
      const error = `Too many attempts. Try again in ${Math.ceil(waitSeconds / 60)} minutes.`
      showForm(res, { next, username, error })
      return
    }
    // Hash the password for unknown names too, so that the time taken does not tell them apart from known names.
    const isRight = timingSafeEqual(await hash(field(req, 'password'), salt, 32), expected)
    const user = USERS.find((known) => known.username === username)
    if (!isRight || !user) {
      res.status(401)
      showForm(res, { next, username, error: 'Enter a correct name and password.' })
      return
    }
    attempts.succeed(who)
    await signIn(req, user)
    res.redirect(303, next)
  })

  router.post('/logout', async (req, res) => {
    await promisify((done: (error?: unknown) => void) => req.session.destroy(done))()
    res.clearCookie(cookieName)
    // Without https, browsers ignore this header, and complain.
    if (req.secure) res.set('Clear-Site-Data', '"cache"')
    res.redirect(303, '/')
  })

  router.all('/login', (_req, res) => {
    res.set('Allow', 'GET, HEAD, POST')
    problem(res, 405, 'Sign in with the form')
  })
  router.all('/logout', (_req, res) => {
    res.set('Allow', 'POST')
    problem(res, 405, 'Sign out with the button')
  })
  return router
}

/**
 * Signs a user in. The session gets a new identifier, so that one planted before sign-in is worth nothing. The session is saved before the
 * request is answered.
 */
async function signIn(req: Request, user: User): Promise<void> {
  await promisify((done: (error?: unknown) => void) => req.session.regenerate(done))()
  req.session.user = user
  await promisify((done: (error?: unknown) => void) => req.session.save(done))()
}

function showForm(res: Response, model: { next: string; username: string; error: string | undefined }): void {
  res.render('login', model)
}

function field(req: Request, name: string): string {
  const value = (req.body as Record<string, unknown> | undefined)?.[name]
  return typeof value === 'string' ? value : ''
}
