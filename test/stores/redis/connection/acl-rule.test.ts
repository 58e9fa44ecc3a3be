import { readdirSync, readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Keyspace } from '../../../../src/stores/redis/shard/keyspace.js'
import { BY_ITSELF, BY_ITSELF_ON_A_CLUSTER, commandsOf, documentedRule, PREFIX } from '../../../support/acl.js'
import { type RedisServer, startRedis } from '../../../support/redis-server.js'

const SRC = new URL('../../../../src/', import.meta.url)
const STORE = 'stores/redis/'

/** What stands before the dot of a call that Redis is sent. */
const CLIENTS = ['redis', 'client', 'master', '#redis']
/** What has methods that only are called like commands. */
const OTHERS = [
  'this',
  '#breaker',
  '#client',
  '#rebuild',
  'removals',
  // Maps, a hash, and regular expressions.
  '#averages',
  '#checks',
  '#large',
  'events',
  'firsts',
  'groups',
  'known',
  'last',
  'map',
  'minutes',
  'processes',
  'sharedOf',
  'source',
  '/',
]

const sources = new Map(
  readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('demo/'))
    .map((file) => [file, withoutComments(readFileSync(new URL(file, SRC), 'utf8'))]),
)
const store = [...sources].filter(([file]) => file.startsWith(STORE))

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*\*.*?\*\//gs, '').replaceAll(/^\s*\/\/.*$/gm, '')
}

/** The commands of ioredis, each a method of its clients. */
const METHODS = new Set(new Redis({ lazyConnect: true }).getBuiltinCommands())

/** A command as source text names it, with the text of its first argument. */
interface Call {
  readonly on: string
  readonly name: string
  readonly first: string | undefined
}

/** `redis.hget(…)`, `redis.mgetBuffer(…)`: methods that are called like commands, whatever they are called on. */
function methodCalls(text: string): Call[] {
  return [...text.matchAll(/([\w#]+|\S)\)?\??\s*\.(\w+?)(?:Buffer)?\((?:\s*'(\w+)')?/g)]
    .map(([, on = '', name = '', first]) => ({ on, name: name.toLowerCase(), first }))
    .filter(({ name }) => METHODS.has(name))
}

/** `redis.call('HGET', …)`, in Lua and in TypeScript. */
function namedCalls(text: string): Call[] {
  return [...text.matchAll(/([\w#]+)\.p?call\('(\w+)'(?:, '(\w+)')?/g)].map(([, on = '', name = '', first]) => ({
    on,
    name: name.toLowerCase(),
    first,
  }))
}

/** How scripts are run: by one of the methods that are named so in a constant. */
function scriptCalls(text: string): Call[] {
  return [...text.matchAll(/by(?:Source|Name): '(\w+?)(?:Buffer)?'/g)].map(([, name = '']) => ({
    on: 'redis',
    name,
    first: undefined,
  }))
}

describe('The rule of SECURITY.md', () => {
  let server: RedisServer
  let withSubcommands: Set<string>
  let openToAll: Set<string>
  beforeAll(async () => {
    server = await startRedis()
    const all = (await server.client().call('COMMAND')) as [string, number, string[], ...unknown[]][]
    const namesOf = (those: typeof all): Set<string> => new Set(those.map(([name]) => name))
    withSubcommands = namesOf(all.filter((command) => (command[9] as unknown[]).length > 0))
    openToAll = namesOf(all.filter(([, , flags]) => flags.includes('no_auth')))
  })
  afterAll(() => server.close())

  /** The commands that some source text sends, sorted, each once. */
  function sentBy(text: string): string[] {
    const calls = [
      ...methodCalls(text).filter(({ on }) => CLIENTS.includes(on)),
      ...namedCalls(text),
      ...scriptCalls(text),
    ]
    const names = calls.map(({ name, first }) => {
      if (!withSubcommands.has(name)) return name
      expect(first, `which ${name} it is must be seen where it is sent`).toBeDefined()
      return `${name}|${first?.toLowerCase()}`
    })
    return [...new Set(names)].toSorted()
  }

  /** Without those that a server lets everybody send. */
  function inNeedOfRights(commands: readonly string[]): string[] {
    return [...new Set(commands)].filter((name) => !openToAll.has(name)).toSorted()
  }

  const whole = (): string => store.map(([, text]) => text).join('\n')

  test('allows the commands of all scripts, of all calls and of ioredis itself, and none besides', () => {
    const needed = inNeedOfRights([...sentBy(whole()), ...Object.keys(BY_ITSELF)])
    expect(needed.length).toBeGreaterThan(40)
    expect(commandsOf(documentedRule())).toEqual(needed)
  })

  test('allows on a Cluster what ioredis sends there besides', () => {
    const added = commandsOf(documentedRule({ cluster: true })).slice(commandsOf(documentedRule()).length)
    expect(added).toEqual(inNeedOfRights(Object.keys(BY_ITSELF_ON_A_CLUSTER)))
  })

  test('allows without the near tier all but what tracks changes', () => {
    const tracking =
      /async #track\(.*?\n {2}\}\n/s.exec(sources.get(`${STORE}connection/subscriber.ts`) ?? '')?.[0] ?? ''
    const plain = sentBy(whole().replace(tracking, ''))
    const needed = inNeedOfRights([...plain, ...Object.keys(BY_ITSELF)])
    expect(commandsOf(documentedRule({ near: false }))).toEqual(needed)
    expect(needed.length).toBeLessThan(commandsOf(documentedRule()).length)
  })

  test('allows the names and channels of the prefix, and the channel of changes', () => {
    const { wake } = new Keyspace(PREFIX, '')
    const invalidate = /INVALIDATE = '(.*)'/.exec(whole())?.[1]
    const channels = (rule: string[]): string[] => rule.filter((word) => word.startsWith('&'))
    expect(channels(documentedRule())).toEqual([`&${invalidate}`, `&${wake}`])
    expect(channels(documentedRule({ near: false }))).toEqual([`&${wake}`])
    const rest = documentedRule({ cluster: true }).filter((word) => !/^[&+]/.test(word))
    expect(rest).toEqual(['on', '><password>', 'resetkeys', `~${PREFIX}:*`, 'resetchannels', '-@all'])
  })

  test('is derived from all that is sent: nothing is sent in a way that the derivation does not see', () => {
    for (const [file, text] of sources) {
      if (!file.startsWith(STORE)) expect(text.replaceAll(/^import type .*$/gm, ''), file).not.toContain("'ioredis'")
    }
    for (const [file, text] of store) {
      const unknown = methodCalls(text).filter(({ on }) => ![...CLIENTS, ...OTHERS].includes(on))
      expect(unknown, file).toEqual([])
      expect(namedCalls(text).length, file).toBe(text.match(/\.p?call(?:Buffer)?\b/g)?.length ?? 0)
      // In Lua, `redis` is nothing but what is called.
      if (!file.startsWith(`${STORE}scripts/`)) expect(text, file).not.toMatch(/\bscript\(/)
      else expect(text.match(/\bredis\b/g)?.length ?? 0, file).toBe(namedCalls(text).length)
      expect(text, file).not.toMatch(/\.(?:sendCommand|pipeline|multi|\w*defineCommand|\w*[sS]canStream)\(|\bredis\[/)
    }
    const computed = store.flatMap(([, text]) => text.match(/\[\w+\]\(/g) ?? [])
    expect(computed.toSorted()).toEqual(['[byName](', '[bySource]('])
  })
})
