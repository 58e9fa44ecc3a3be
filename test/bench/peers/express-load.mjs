import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { median } from '../measure.mjs'
import { isShort } from '../tables/hand-over.mjs'
import { inTurn } from './blocks.mjs'
import { childAnswer } from './child-answer.mjs'
import { VARIANTS } from './express-app.mjs'

const CONNECTIONS = 16
const REQUESTS = 500
const WARM_UP_REQUESTS = isShort ? 100 : 4000
const APP = new URL('express-app.mjs', import.meta.url).pathname
const REQUEST = 'GET / HTTP/1.1\r\nHost: bench\r\n\r\n'
const END = '{"ok":true}'

/**
 * Loads Express applications with requests, a block of each after the other. Gives for each the CPU time of a request in us, and its
 * ratio to that of the application without the middleware that waits as often; medians of the rounds.
 */
export async function measureExpress({ redis }, rounds) {
  const names = Object.keys(VARIANTS)
  const applications = await Promise.all(names.map((name) => start(redis, name)))
  for (const application of applications) await application.load(WARM_UP_REQUESTS)
  const costs = new Map(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const { name, load } of inTurn(applications, round)) costs.get(name).push((await load(REQUESTS)) / REQUESTS)
  }
  for (const application of applications) application.close()
  return names.map((name) => {
    const without = costs.get(withoutOf(name))
    const ratios = costs.get(name).map((cost, i) => cost / without[i])
    return { name, us: median(costs.get(name)), ratio: median(ratios) }
  })
}

/** The application without the middleware that waits as often. */
function withoutOf(name) {
  const { awaits } = VARIANTS[name]
  return Object.keys(VARIANTS).find(
    (each) => VARIANTS[each].awaits === awaits && VARIANTS[each].middleware === undefined,
  )
}

/** An application in a process of its own. `load` gives the CPU time in us that a number of requests cost it. */
async function start(redis, name) {
  const child = fork(APP, [redis, name], { env: { ...process.env, NODE_ENV: 'production' } })
  const port = await childAnswer(child)
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const socket = connect(port, '127.0.0.1').setNoDelay().setEncoding('latin1')
      await once(socket, 'connect')
      return socket
    }),
  )
  return {
    name,
    async load(requests) {
      child.send('begin')
      let left = requests
      await Promise.all(
        sockets.map(async (socket) => {
          while (left-- > 0) await request(socket)
        }),
      )
      const cost = childAnswer(child)
      child.send('end')
      return cost
    },
    close() {
      for (const socket of sockets) socket.destroy()
      child.kill()
    },
  }
}

async function request(socket) {
  if (socket.destroyed) throw new Error('An application closed a connection')
  return new Promise((resolve, reject) => {
    let answer = ''
    const read = (text) => {
      answer += text
      if (!answer.endsWith(END)) return
      socket.off('data', read).off('close', reject)
      if (answer.startsWith('HTTP/1.1 200')) resolve()
      else reject(new Error(answer))
    }
    socket.on('data', read).on('close', reject)
    socket.write(REQUEST)
  })
}
