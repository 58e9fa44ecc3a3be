/** What the environment says about how the demo runs. */
export interface Config {
  /** `0`: any free port. */
  readonly port: number
  /** How many processes serve. Above 1 only with Redis. */
  readonly workers: number
  readonly redisUrl: string | undefined
  /** The password of both users, `staff` and `visitor`. */
  readonly password: string
  /** Whether the password is the default one, which everybody knows. */
  readonly isDefaultPassword: boolean
  /** Signs the session cookies. `undefined`: the demo makes one. */
  readonly sessionSecret: string | undefined
}

/** Where variables come from: `process.env`, or a test's own. */
export type Environment = Readonly<Record<string, string | undefined>>

const DEFAULT_PASSWORD = 'keyedcache'

/**
 * Reads the variables of `.env.example`.
 * @throws {TypeError} naming the variable, what it holds (unless it is a secret) and what was expected.
 */
export function readConfig(env: Environment): Config {
  const redisUrl = readRedisUrl(env)
  const workers = readWholeNumber(env, 'WORKERS', 1, 1, 64)
  if (workers > 1 && redisUrl === undefined) {
    throw new TypeError(
      `WORKERS=${workers} needs REDIS_URL: several processes share their cache, sessions and edited cities in Redis`,
    )
  }
  const password = readPassword(env)
  return {
    port: readWholeNumber(env, 'PORT', 3000, 0, 65_535),
    workers,
    redisUrl,
    password,
    isDefaultPassword: password === DEFAULT_PASSWORD,
    sessionSecret: readSessionSecret(env),
  }
}

function readWholeNumber(env: Environment, name: string, otherwise: number, least: number, most: number): number {
  const text = env[name] || `${otherwise}`
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= least && number <= most) return number
  throw new TypeError(
    `Expected ${name} to be a whole number from ${least} to ${most}, got ${text.includes('@') ? 'an address' : JSON.stringify(text)}`,
  )
}

function readRedisUrl(env: Environment): string | undefined {
  const text = env['REDIS_URL']
  if (!text) return undefined
  if (URL.canParse(text) && /^rediss?:$/.test(new URL(text).protocol)) return text
  // The text may hold a password, so the message does not repeat it.
  throw new TypeError('Expected REDIS_URL to be a URL like redis://localhost:6379 or rediss://…')
}

function readPassword(env: Environment): string {
  const password = env['DEMO_PASSWORD'] || DEFAULT_PASSWORD
  if (env['NODE_ENV'] === 'production' && password === DEFAULT_PASSWORD) {
    throw new TypeError(
      `In production, set DEMO_PASSWORD to a password of your own: everybody knows ${JSON.stringify(DEFAULT_PASSWORD)}`,
    )
  }
  return password
}

function readSessionSecret(env: Environment): string | undefined {
  const secret = env['SESSION_SECRET']
  if (!secret || secret.length >= 32) return secret || undefined
  throw new TypeError(`Expected SESSION_SECRET to have 32 characters or more, got ${secret.length}`)
}
