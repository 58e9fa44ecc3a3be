import { expect, test } from 'vitest'
import type { RedisClientOptions } from '../../../src/contract/redis-address.js'
import { fromUrl } from '../../../src/contract/redis/redis-url.js'
import { fromClusterUrls } from '../../../src/contract/redis/cluster-urls.js'

test.each<[string, RedisClientOptions]>([
  ['redis://a', { host: 'a', port: 6379 }],
  ['redis://a/', { host: 'a', port: 6379 }],
  ['redis://a:7000/3', { host: 'a', port: 7000, db: 3 }],
  ['rediss://a', { host: 'a', port: 6379, tls: {} }],
  // ioredis takes this one for a URL without TLS.
  ['REDISS://a', { host: 'a', port: 6379, tls: {} }],
  ['redis://[::1]:7000', { host: '::1', port: 7000 }],
  ['redis://me:x%2Fy%25@a', { host: 'a', port: 6379, username: 'me', password: 'x/y%' }],
  ['redis://:x y@a', { host: 'a', port: 6379, username: '', password: 'x y' }],
  ['redis://me@a', { host: 'a', port: 6379, username: 'me', password: '' }],
  [
    'redis://a?db=2&family=6&commandTimeout=1.5&lazyConnect=true&password=x%40y',
    { host: 'a', port: 6379, db: 2, family: 6, commandTimeout: 1.5, lazyConnect: true, password: 'x@y' },
  ],
  ['unix:/run/redis.sock', { path: '/run/redis.sock' }],
  ['unix:///run/my%20redis.sock?db=1&password=x', { path: '/run/my redis.sock', db: 1, password: 'x' }],
])('%s stands for its options', (url, options) => {
  expect(fromUrl(url)).toEqual(options)
})

test('URLs of a Cluster share what the first says: user, password, TLS and settings', () => {
  expect(fromClusterUrls(['rediss://me:x@a:1?family=6', 'rediss://b:2/0', 'rediss://me:x@[::1]'])).toEqual({
    nodes: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
      { host: '::1', port: 6379 },
    ],
    shared: { username: 'me', password: 'x', tls: {}, family: 6 },
  })
})
