import { isPlainPrototype } from '../../checks/built-in.js'
import { nearest } from '../../checks/nearest.js'
import { oneLine } from '../../checks/one-line.js'
import { show } from '../../checks/show.js'
import type { RedisClientOptions } from '../redis-address.js'
import * as kinds from './option-kinds.js'
import type { Kind } from './option-kinds.js'

const { COUNT, FAMILY, FUNCTION, HOST, LIST, MAP, MS, OBJECT, PATH, PORT, PROTOCOL, SWITCH, TEXT, TLS } = kinds
const { only, orNull } = kinds

/** All options of ioredis 5 and 6, and what each may be. Where ioredis itself has null, for example as a default, it may be null. */
const OPTIONS: Readonly<Record<string, Kind>> = {
  host: HOST,
  port: PORT,
  path: PATH,
  family: FAMILY,
  username: orNull(TEXT),
  password: orNull(TEXT),
  db: COUNT,
  tls: TLS,
  keyPrefix: TEXT,
  connectionName: orNull(TEXT),
  clientInfoTag: TEXT,
  disableClientInfo: SWITCH,
  protocol: PROTOCOL,
  replyMapping: only('legacy', 'the cache reads answers in that form'),

  sentinels: orNull(LIST),
  name: orNull(TEXT),
  role: only('master', 'a cache writes, and a replica may give back what was just deleted'),
  sentinelUsername: orNull(TEXT),
  sentinelPassword: orNull(TEXT),
  sentinelTLS: TLS,
  enableTLSForSentinelMode: SWITCH,
  sentinelRetryStrategy: orNull(FUNCTION),
  sentinelReconnectStrategy: orNull(FUNCTION),
  sentinelCommandTimeout: MS,
  sentinelMaxConnections: COUNT,
  updateSentinels: SWITCH,
  failoverDetector: SWITCH,
  preferredSlaves: orNull(MAP),
  natMap: orNull(MAP),
  Connector: FUNCTION,

  connectTimeout: MS,
  disconnectTimeout: MS,
  commandTimeout: MS,
  socketTimeout: MS,
  blockingTimeout: MS,
  blockingTimeoutGrace: MS,
  keepAlive: MS,
  noDelay: SWITCH,
  lazyConnect: SWITCH,
  enableReadyCheck: SWITCH,
  enableOfflineQueue: SWITCH,
  enableAutoPipelining: SWITCH,
  autoPipeliningIgnoredCommands: LIST,
  autoResubscribe: SWITCH,
  autoResendUnfulfilledCommands: SWITCH,
  maxRetriesPerRequest: orNull(COUNT),
  maxLoadingRetryTime: MS,
  retryStrategy: orNull(FUNCTION),
  reconnectOnError: orNull(FUNCTION),
  showFriendlyErrorStack: SWITCH,
  scripts: OBJECT,
  himportFieldsets: LIST,
  readOnly: only(false, 'a cache writes'),
  stringNumbers: only(false, 'the cache counts by the numbers it gets'),
  monitor: only(false, 'a client that monitors takes no commands'),
}

const OF_A_SENTINEL: Readonly<Record<string, Kind>> = { host: HOST, port: PORT, family: FAMILY }

/** What is to be written in place of options that other libraries have. */
const INSTEAD: readonly (readonly [names: RegExp, what: string])[] = [
  [/^(?:ur[li]|href|connectionString)$/i, 'give the URL itself as `redis`'],
  [/^socket$/, 'that is an option of node-redis: write its `host` and `port`, or its `path`, without `socket`'],
  [/^(?:database|dbNumber)$/i, 'write `db`'],
  [/^user$/i, 'write `username`'],
  [/^(?:pass|auth|auth_pass|pwd)$/i, 'write `password`'],
  [/^(?:hostname|server|address)$/i, 'write `host`'],
  [/^(?:ssl|secure)$/i, 'write `tls: {}`'],
  [/^prefix$/i, 'write `keyPrefix`'],
  [/^(?:nodes|rootNodes|startupNodes|servers|cluster)$/, 'for a Cluster give a list of URLs as `redis`'],
  [
    /^(?:redisOptions|clusterRetryStrategy|clusterNodeRetryStrategy|scaleReads|maxRedirections|retryDelayOn\w+|slotsRefresh\w+|shardedSubscribers|dnsLookup|useSRVRecords|resolveSrv)$/,
    'that is an option of a Cluster: make a `Cluster` of ioredis with it, and give that as `redis`',
  ],
]

/**
 * Checks options for a client of our own. Gives a copy without what is undefined, so that the defaults chosen for a cache hold.
 * @throws {TypeError} naming the option that is wrong or unknown, or when they do not say where Redis is.
 */
export function checkClientOptions(options: object): RedisClientOptions {
  const given = Object.entries(options) as [string, unknown][]
  for (const [name] of given) if (!isClientOption(name)) refuse(options, name)
  const checked = Object.fromEntries(given.filter(([, value]) => value !== undefined))
  for (const [name, value] of Object.entries(checked)) checkOption(name, value, '`redis`')
  checkPlace(options, checked)
  return typeof checked['port'] === 'string' ? { ...checked, port: Number(checked['port']) } : checked
}

/** Whether ioredis has an option of this name. */
export function isClientOption(name: string): boolean {
  return Object.hasOwn(OPTIONS, name)
}

/** An option as it is written behind the `?` of a URL. @throws {TypeError} when there is no such option for a URL, or its value is wrong. */
export function readOption(name: string, text: string, of: string): unknown {
  const kind = isClientOption(name) ? OPTIONS[name] : undefined
  if (kind?.read === undefined) {
    throw new TypeError(`Expected no setting \`${oneLine(name)}\` behind the \`?\` of ${of}${adviceOn(name)}`)
  }
  const value = kind.read(text)
  checkOption(name, value, of)
  return value
}

function checkOption(name: string, value: unknown, of: string, known = OPTIONS): void {
  const { is, fits, shown, read } = known[name] as Kind
  if (fits(value)) return
  const meant = typeof value === 'string' ? read?.(value) : undefined
  const advice = meant !== undefined && meant !== value && fits(meant) ? `: write ${show(meant)}` : ''
  throw new TypeError(`Expected \`${name}\` of ${of} to be ${is}, got ${shown(value)}${advice}`)
}

/** @throws {TypeError} when the options do not say where Redis is: ioredis would take it for localhost. */
function checkPlace(options: object, { host, port, path, Connector, sentinels, name }: Record<string, unknown>): void {
  if (Array.isArray(sentinels)) return checkSentinels(sentinels, name)
  if (host !== undefined || path !== undefined || Connector !== undefined) return
  const isLost = Object.hasOwn(options, 'host') || Object.hasOwn(options, 'path')
  if (port !== undefined && !isLost) return
  throw new TypeError(
    `Expected \`redis\` to say by \`host\`, \`path\` or \`sentinels\` where Redis is, got ${show(options)}${isLost ? ', where that is undefined: set what it is read from' : ''}`,
  )
}

function checkSentinels(sentinels: readonly unknown[], name: unknown): void {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError(
      'Expected `name` of `redis` to be what the Sentinels call the Redis, such as mymaster, got none',
    )
  }
  if (sentinels.length === 0)
    throw new TypeError('Expected `sentinels` of `redis` to list at least one Sentinel, got []')
  for (const [i, sentinel] of sentinels.entries()) {
    const of = `\`sentinels[${i}]\``
    if (typeof sentinel !== 'object' || sentinel === null || (sentinel as { host?: unknown }).host === undefined) {
      throw new TypeError(`Expected ${of} to be like { host: 'a', port: 26379 }, got ${show(sentinel)}`)
    }
    for (const [option, value] of Object.entries(sentinel)) {
      if (!Object.hasOwn(OF_A_SENTINEL, option)) {
        throw new TypeError(`Expected ${of} to have host, port and family alone, got ${show(sentinel)}`)
      }
      if (value !== undefined) checkOption(option, value, of, OF_A_SENTINEL)
    }
  }
}

function refuse(options: object, name: string): never {
  const isClient = !isPlainPrototype(Object.getPrototypeOf(options) as object | null) || isFunction(options, name)
  if (isClient) {
    throw new TypeError(
      `Expected \`redis\` to be a URL, options or a client of ioredis, got ${show(options)}: of another library give the URL, or make a client of ioredis`,
    )
  }
  throw new TypeError(`Expected no option \`${oneLine(name)}\` of \`redis\`, got ${show(options)}${adviceOn(name)}`)
}

function isFunction(options: object, name: string): boolean {
  return typeof (options as Record<string, unknown>)[name] === 'function' && adviceOn(name) === UNKNOWN
}

const UNKNOWN = ': ioredis knows no such option'

function adviceOn(name: string): string {
  const instead = INSTEAD.find(([names]) => names.test(name))?.[1]
  if (instead !== undefined) return `: ${instead}`
  const meant = nearest(name, Object.keys(OPTIONS))
  return meant === undefined ? UNKNOWN : `: did you mean \`${meant}\`?`
}
