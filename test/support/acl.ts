import { readFileSync } from 'node:fs'
import type { RedisServer } from './redis-server.js'

/** The user that SECURITY.md gives an application, its prefix, and a password for the tests. */
export const USER = 'myapp'
export const PREFIX = 'myapp'
export const PASSWORD = 'a-password-of-tests'

/** What the rule is for. */
interface Variant {
  readonly near?: boolean
  readonly cluster?: boolean
}

const TEXT = readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8')

/** The rule as SECURITY.md gives it, word by word: what its sentences add for a Cluster and leave out without the near tier is done. */
export function documentedRule({ near = true, cluster = false }: Variant = {}): string[] {
  const whole = wordsOf(/^ACL SETUSER myapp (.*)$/m)
  const added = cluster ? wordsOf(/^On a Cluster .*?add `(.*?)`/m) : []
  const left = near ? [] : wordsOf(/Without `near` leave (.*?) out\./).map((word) => word.replaceAll(/[`,]|^and$/g, ''))
  return [...whole, ...added].filter((word) => !left.includes(word))
}

function wordsOf(sentence: RegExp): string[] {
  const words = sentence.exec(TEXT)?.[1]
  if (words === undefined) throw new Error(`SECURITY.md has no sentence like ${sentence}`)
  return words.split(' ')
}

/** The commands that a rule allows, in its order. */
export function commandsOf(rule: readonly string[]): string[] {
  return rule.flatMap((word) => (word.startsWith('+') ? [word.slice(1)] : []))
}

/** Gives the user these rights on all these servers, no others, and empties their logs of what was denied. */
export async function allow(servers: readonly RedisServer[], rule: readonly string[]): Promise<void> {
  const words = rule.map((word) => (word === '><password>' ? `>${PASSWORD}` : word))
  await Promise.all(
    servers.map(async (server) => {
      await server.client().acl('SETUSER', USER, 'reset', ...words)
      await server.client().acl('LOG', 'RESET')
    }),
  )
}

/** What was denied on any of these servers since the logs were emptied, each once, sorted: where, of what kind, and its name. */
export async function denied(servers: readonly RedisServer[]): Promise<string[]> {
  const logs = await Promise.all(servers.map((server) => server.client().call('ACL', 'LOG') as Promise<string[][]>))
  const lines = logs.flat().map((fields) => {
    const field = (name: string): string => String(fields[fields.indexOf(name) + 1])
    return `${field('context')}: ${field('reason')} ${field('object')}`
  })
  return [...new Set(lines)].toSorted()
}

/** What ioredis sends by itself, and why. */
export const BY_ITSELF: Readonly<Record<string, string>> = {
  auth: 'the connection for messages speaks protocol 2, and says by this who it is',
  'client|setname': 'for `connectionName`',
  hello: 'for protocol 3',
  info: 'to see whether the server still loads its data, and which role it has',
  select: 'for a `db` other than 0',
}

/** What it sends on a Cluster besides, and why. */
export const BY_ITSELF_ON_A_CLUSTER: Readonly<Record<string, string>> = {
  asking: 'for a slot that is being moved',
  'cluster|info': 'to see whether the Cluster serves all slots',
  'cluster|slots': 'to learn which node serves which slots',
  readonly: 'on connections to replicas',
  readwrite: 'on the connection to a replica that has become a master',
}
