// Says on which machine it runs, and how long a command of ioredis takes to a `redis-server` there and back.
import { execFileSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { median, timed } from '../measure.mjs'
import { startOneServer } from '../one-server.mjs'

const PINGS = 5000

/** The machine as this Node sees it, in words: processors, memory, Node, Redis and the round trip. */
export function machineOf(node) {
  return execFileSync(node, [import.meta.filename], { encoding: 'utf8' }).trim()
}

/** What stands above each table: by which command, when and of which commit it was measured, and where. */
export function measuredBy(command, launches, machine) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  }).trim()
  const day = new Date().toISOString().slice(0, 10)
  const launched = launches === 1 ? 'one launch' : `${launches} launches`
  const medians =
    launches === 1 ? '' : ' A figure is the median of the launches; in brackets are the least and the most of them.'
  return `Measured by ${launched} of \`${command}\` on ${day}, at commit ${commit}, on ${machine}.${medians}`
}

if (process.argv[1] === import.meta.filename) {
  const { client, close } = await startOneServer()
  const ping = async () => (await timed(() => client.ping()))[0]
  const trips = []
  for (let i = 0; i < 2 * PINGS; i++) trips.push(await ping())
  const version = /redis_version:(\S+)/.exec(await client.info('server'))?.[1]
  await close()
  const [{ model }] = cpus()
  const memory = Math.round(totalmem() / 2 ** 30)
  const roundTrip = `a \`PING\` takes ${median(trips.slice(PINGS)).toFixed(3)} ms there and back`
  process.stdout.write(
    `${cpus().length} cores (${model.trim()}), ${memory} GB, Node ${process.version}, Redis ${version} on the same machine (${roundTrip})\n`,
  )
}
