// What docs/migration/apicache.md says of apicache.
import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import apicache from 'apicache'
import express from 'express'
import { createClient } from 'redis'

const app = express()
let runs = 0
const handler = (req, res) => {
  runs++
  req.apicacheGroup = 'group'
  res.status(req.query.fails ? 500 : 200).send(`run ${runs}`)
}
app.use('/minutes', apicache.middleware('5 minutes'), handler)
app.use('/m', apicache.middleware('5m'), handler)
app.use('/slow', apicache.middleware('5 minutes'), (_req, res) => {
  runs++
  setTimeout(() => res.send('slow'), 100)
})
const client = createClient({ url: process.env.REDIS_URL })
await client.connect()
const inRedis = apicache.newInstance({ redisClient: client })
app.use('/redis', inRedis.middleware('5 minutes'), handler)
const { address, port } = await new Promise((resolve) => {
  const server = app.listen(0, '127.0.0.1', () => resolve(server.address()))
})
const ask = async (path, init) => fetch(`http://${address}:${port}${path}`, init)
const runsOf = async (...asks) => {
  runs = 0
  for (const [path, init] of asks) await (await ask(path, init)).text()
  return runs
}

// Every method and every status, by the address with its query
assert.equal(await runsOf(['/minutes/1'], ['/minutes/1', { method: 'POST' }]), 1)
assert.equal(await runsOf(['/minutes/2?a=1'], ['/minutes/2?a=2']), 2)
assert.equal(await runsOf(['/minutes/3?fails=1'], ['/minutes/3?fails=1']), 1)
const headers = { 'x-apicache-bypass': 'true' }
assert.equal(await runsOf(['/minutes/4'], ['/minutes/4', { headers }]), 2)
assert.equal((await ask('/minutes/4')).headers.get('cache-control'), 'max-age=300')

// '5m'
runs = 0
await ask('/m/1')
await wait(50)
await ask('/m/1')
assert.equal(runs, 2)

// Two at once
runs = 0
await Promise.all([ask('/slow/1'), ask('/slow/1')])
assert.equal(runs, 2)

// A group, one address, the index
apicache.clear('group')
assert.equal(await runsOf(['/minutes/1'], ['/minutes/1']), 1)
apicache.clear('/minutes/1')
assert.equal(await runsOf(['/minutes/1']), 1)
assert.ok(apicache.getIndex().all.includes('/minutes/1'))

// A client of redis 4 or newer
assert.equal(await runsOf(['/redis/1'], ['/redis/1']), 2)
assert.equal(await client.dbSize(), 0)
process.exit()
