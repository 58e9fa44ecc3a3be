import { expect, test } from 'vitest'
import { nearest } from '../../src/checks/nearest.js'

const KNOWN = ['ttl', 'grace', 'tags', 'keyPrefix', 'maxBytes', 'maxEntries', 'host', 'db']

test.each([
  ['ttls', 'ttl'],
  ['TTL', 'ttl'],
  ['tll', 'ttl'],
  ['hots', 'host'],
  ['keyprefx', 'keyPrefix'],
  ['prefixKey', undefined],
  ['maxByte', 'maxBytes'],
  ['expires', undefined],
  // Two of two letters are different in everything.
  ['xy', undefined],
  ['', undefined],
  ['t'.repeat(1000), undefined],
])('%s is most like %s', (name, known) => {
  expect(nearest(name, KNOWN)).toBe(known)
})
