import { expect, test } from 'vitest'
import {
  CacheNotRespondingError,
  CacheTimeoutError,
  ImproperlyConfiguredError,
  KeyedCacheError,
  NotCachedError,
} from '../../src/index.js'

test.each([
  ['NotCachedError', new NotCachedError('k')],
  ['CacheNotRespondingError', new CacheNotRespondingError('clear')],
  ['CacheTimeoutError', new CacheTimeoutError('k', 1)],
  ['ImproperlyConfiguredError', new ImproperlyConfiguredError('set it')],
  ['KeyedCacheError', new KeyedCacheError('ERR_NOT_CACHED', 'none')],
])('%s has its name in what is printed, whatever a bundler calls its class', (name, error) => {
  Object.defineProperty(error.constructor, 'name', { value: 'o', configurable: true })
  const again = Reflect.construct(error.constructor, ['a', 'b']) as Error
  Object.defineProperty(error.constructor, 'name', { value: name, configurable: true })
  expect([error.name, again.name]).toEqual([name, name])
  expect(String(again)).toMatch(new RegExp(`^${name}: `))
  expect(again.stack).toMatch(new RegExp(`^${name}: `))
  expect(Object.keys(again)).not.toContain('name')
})
