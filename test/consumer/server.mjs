import { once } from 'node:events'
import express from 'express'
import { keyedcache, keyedcacheAdmin } from 'keyedcache'

export async function serve() {
  const app = express()
  app.use(keyedcache())
  app.use('/cache', keyedcacheAdmin({ user: () => ({ name: 'Ada', isStaff: true }) }))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${server.address().port}`
}
