import assert from 'node:assert/strict'
import { configure } from 'keyedcache'
import { test } from './runner.js'
import { priceOf } from './shop.js'

configure({ caches: { default: {} } })

test('A cache in the process need not be closed', async () => {
  assert.equal((await priceOf('1')).id, '1')
})
