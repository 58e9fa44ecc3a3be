// 1,000 strangers whose text is thrown by what the application is asked, in every way in which it may be thrown
import { once } from 'node:events'
import { request } from 'node:http'
import express from 'express'
import { createKeyedCache, keyedcacheAdmin } from '../../dist/index.js'

const REQUESTS = 1000
const ESCAPE = String.fromCodePoint(0x1b)
const CONTROLS = Array.from({ length: 32 }, (_, code) => String.fromCodePoint(code)).join('')
const HOSTILE = [
  `${ESCAPE}[2J${ESCAPE}[31mroot logged in`,
  'two\r\nlines\n    at forged (/etc/passwd:1:1)',
  `${CONTROLS}\u007f\u009b31m\u2028\u2029\u202e`,
  'x'.repeat(8000),
]

/** What a stranger sends, as the application throws it. */
function textOf(req) {
  return `${HOSTILE[Number(req.get('x-text'))]} ${req.get('x-number')}`
}

const WAYS = [
  (text) => {
    throw new Error(text)
  },
  async (text) => {
    throw new TypeError(text)
  },
  (text) => {
    throw text
  },
  async (text) => {
    throw { [text]: text }
  },
  (text) => {
    throw Object.assign(new Error(text), { name: text })
  },
  async (text) => {
    throw Symbol(text)
  },
  () => {
    throw Object.create(null)
  },
  async (text) => {
    throw new Error('wrapped', { cause: new Error(text) })
  },
  () => {
    throw Object.defineProperty(new Error('x'), 'message', {
      get() {
        throw new Error('no message')
      },
    })
  },
]
const fail = (req) => WAYS[Number(req.get('x-number')) % WAYS.length](textOf(req))

const cache = createKeyedCache()
await cache.set('a', 'b')
cache.on('miss', () => {
  throw HOSTILE[1]
})
const app = express()
app.use((req, _res, next) => {
  if (req.get('x-who') === 'staff') Object.assign(req, { user: { isStaff: true }, session: {} })
  void cache.get(['asked', req.get('x-number')], { default: 0 })
  next()
})
app.use('/throws', keyedcacheAdmin({ cache, user: fail, isStaff: fail, isScraper: fail, loginUrl: fail }))
app.use(
  '/shows',
  keyedcacheAdmin({ cache, readOnly: fail, redact: (_key, value) => fail({ get: () => (value === 'b' ? '1' : '0') }) }),
)
const server = app.listen(0, '127.0.0.1')
await once(server, 'listening')

const statuses = {}
for (let i = 0; i < REQUESTS; i++) {
  const path = [`/throws/`, '/throws/metrics', '/throws/key?k=YQ', '/shows/key?k=YQ', '/throws/delete'][i % 5]
  const method = path === '/throws/delete' && i % 2 === 0 ? 'POST' : 'GET'
  const headers = { 'x-text': `${i % HOSTILE.length}`, 'x-number': `${i}`, ...(i % 7 === 0 && { 'x-who': 'staff' }) }
  const sent = request({ port: server.address().port, host: '127.0.0.1', path, method, headers }).end()
  const [response] = await once(sent, 'response')
  response.resume()
  await once(response, 'end')
  statuses[response.statusCode] = (statuses[response.statusCode] ?? 0) + 1
}
server.close()
server.closeAllConnections()
await cache.close()
process.stdout.write(JSON.stringify(statuses))
