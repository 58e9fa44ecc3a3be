import { oneLine } from '../../checks/one-line.js'
import type { RedisClientOptions } from '../redis-address.js'
import { readOption } from './client-options.js'

/** What `redis` must be, for an error message about a text. */
const A_URL = '`redis` to be a URL like redis://host:6379, options or a client of ioredis'

const IN_A_PASSWORD = 'in a password write / ? # @ % as %2F %3F %23 %40 %25'

/** What is to be written in place of URLs that other programs know. */
const INSTEAD: readonly (readonly [scheme: RegExp, what: string])[] = [
  [/^https?$/, 'that speaks HTTP; give the address where Redis itself listens, redis:// or rediss://'],
  [/sentinel/, "for Sentinels give options, { sentinels: [{ host: 'a', port: 26379 }], name: 'mymaster' }"],
  [/unix|socket|file/, 'write unix:/run/redis.sock'],
]

/**
 * The options of ioredis that a URL stands for: redis: and rediss: with user, password and database, or unix: and a path. Each may have more
 * options behind a `?`. ioredis does not read it, because it would take what it cannot read for localhost or database 0.
 * @param expected what was expected, for the error: by default of `redis`.
 * @throws {TypeError} saying what is wrong, without the text itself, which may hold a password.
 */
export function fromUrl(text: string, expected: string = A_URL): RedisClientOptions {
  const wrong = (got: string, write: string): never => {
    throw new TypeError(`Expected ${expected}, got ${got}: ${write}`)
  }
  const url = parse(text.trim(), wrong)
  if (url.hash !== '' || `${url.pathname}${url.search}`.includes('@')) {
    wrong('a URL with a `#`, or with an `@` behind its host', IN_A_PASSWORD)
  }
  const options = url.protocol === 'unix:' ? ofSocket(url, wrong) : ofServer(url, wrong)
  for (const [name, value] of url.searchParams) {
    if (Object.hasOwn(options, name)) wrong(`a URL with two settings for \`${name}\``, 'leave out one of them')
    Object.assign(options, { [name]: readOption(name, value, 'the URL') })
  }
  return options
}

/** Says what was given and what is to be written in its place. */
type Wrong = (got: string, write: string) => never

function parse(text: string, wrong: Wrong): URL {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
  const isSocket = /^unix:\//i.test(text)
  if (text === '') wrong('text that is empty', 'say where Redis is')
  if (/^['"`]/.test(text)) wrong('text in quotes', 'leave the quotes out')
  if (/[\t\r\n]/.test(text)) wrong('text with a tab or a line break', 'write one URL')
  if (text.startsWith('/')) wrong('a path', 'write unix:/run/redis.sock')
  if (/,\s*[a-z]+:\/\//i.test(text)) wrong('several URLs in one text', 'for a Cluster give a list of URLs')
  if (scheme === undefined && !isSocket) wrong('text without `redis://` in front', 'write redis://host:6379')
  if (!isSocket && scheme !== 'redis' && scheme !== 'rediss') {
    const write = INSTEAD.find(([names]) => names.test(scheme ?? ''))?.[1]
    wrong(`text of another kind, ${oneLine(scheme ?? '')}://`, write ?? 'write redis://host:6379, or rediss:// for TLS')
  }
  if (!URL.canParse(text)) wrong('a URL that cannot be read', `its port is from 1 to 65535, and ${IN_A_PASSWORD}`)
  return new URL(text)
}

function ofSocket(url: URL, wrong: Wrong): RedisClientOptions {
  const path = decoded(url.pathname)
  if (url.host !== '' || path === undefined || path.endsWith('/'))
    wrong('unix: without a path', 'write unix:/run/redis.sock')
  return { path }
}

function ofServer(url: URL, wrong: Wrong): RedisClientOptions {
  const username = decoded(url.username)
  const password = decoded(url.password)
  const db = url.pathname.slice(1)
  if (username === undefined || password === undefined) {
    wrong('a URL whose user or password has a `%` that stands for nothing', 'write it as %25')
  }
  if (url.hostname === '') wrong('a URL without a host', 'write redis://host:6379')
  if (url.port === '0') wrong('a URL with port 0', 'write its port, such as 6379')
  if (!/^\d{0,9}$/.test(db)) wrong(`a URL whose database ${oneLine(db)} is no number`, 'write redis://host:6379/0')
  return {
    // An IPv6 address stands in brackets in a URL, and nowhere else.
    host: url.hostname.replaceAll(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    ...(url.username === '' && url.password === '' ? {} : { username, password }),
    ...(db === '' ? {} : { db: Number(db) }),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
  }
}

/** What percent signs stand for. `undefined` when they stand for nothing. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
