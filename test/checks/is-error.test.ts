import { readFile } from 'node:fs/promises'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { isError } from '../../src/checks/is-error.js'

test('An error is one in whichever realm it was made', async () => {
  class Own extends TypeError {}
  const errors = [
    new Error('here'),
    new Own('of a class'),
    AbortSignal.abort().reason,
    runInNewContext("new RangeError('elsewhere')"),
    runInNewContext("new (class extends Error {})('of a class elsewhere')"),
    await readFile('/none/such').catch((error: unknown) => error),
    Object.create(Error.prototype),
  ]
  expect(errors.filter((error) => !isError(error))).toEqual([])
})

test('What only looks like an error is none', () => {
  const others = [
    undefined,
    null,
    'Error',
    { name: 'Error', message: 'text', stack: '' },
    Error,
    () => new Error('later'),
  ]
  expect(others.filter(isError)).toEqual([])
})
