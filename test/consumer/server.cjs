const { once } = require('node:events')
const { randomUUID } = require('node:crypto')
const express = require('express')
const session = require('express-session')
const { keyedcache, keyedcacheAdmin } = require('keyedcache')

exports.serve = async function serve() {
  const app = express()
  app.use(session({ secret: 'a secret for tests only', resave: false, saveUninitialized: false }))
  app.use(keyedcache())
  app.use('/cache', keyedcacheAdmin({ user: () => ({ name: 'Ada', isStaff: true }) }))
  app.get('/product', async (req, res) => {
    res.json(await req.cache.getOrSet('product', () => randomUUID()))
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${server.address().port}`
}
