import { EventEmitter } from 'node:events'
import { describe, expect, test } from 'vitest'
import { Attempts } from '../../../../src/stores/redis/reasons/attempts.js'

function watch(): { emitter: EventEmitter; reason: () => string } {
  const emitter = new EventEmitter()
  const client = { kind: 'redis', status: 'reconnecting', isSecure: false, openNode: () => undefined } as const
  const attempts = new Attempts(Object.assign(emitter, client))
  return { emitter, reason: () => String(attempts.lastError) }
}

function named(name: string, message: string, code?: string): Error {
  return Object.assign(new Error(message), { name }, code === undefined ? {} : { code })
}

describe('The last attempt to connect', () => {
  test('failed for its first reason, and not since ioredis 5 gives up what was sent', () => {
    const { emitter, reason } = watch()
    emitter.emit('error', named('Error', 'read ECONNRESET', 'ECONNRESET'))
    emitter.emit('close')
    emitter.emit('error', named('MaxRetriesPerRequestError', 'Reached the max retries per request limit (which is 0).'))
    expect(reason()).toMatch(/ECONNRESET/)
  })

  test('failed for what Redis said, and not since the connection was cut then', () => {
    const { emitter, reason } = watch()
    emitter.emit('error', named('ReplyError', 'ERR max number of clients reached'))
    emitter.emit('error', named('Error', 'write EPIPE', 'EPIPE'))
    emitter.emit('close')
    expect(reason()).toMatch(/max number of clients/)
  })

  test('is forgotten once a connection stands, and its loss is not told as a refusal', () => {
    const { emitter, reason } = watch()
    emitter.emit('error', named('Error', 'connect ECONNREFUSED', 'ECONNREFUSED'))
    emitter.emit('close')
    emitter.emit('ready')
    expect(reason()).toBe('undefined')
    emitter.emit('error', named('Error', 'read ECONNRESET', 'ECONNRESET'))
    emitter.emit('close')
    expect(reason()).toBe('Error: the connection to Redis was closed')
  })
})
