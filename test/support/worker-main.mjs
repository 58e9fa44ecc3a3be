import { pathToFileURL } from 'node:url'

const functions = await import(pathToFileURL(process.argv[2]).href)
const exit = () => process.exit()

process.on('message', (message) => void answer(message))
process.on('disconnect', exit)
process.send({ ready: true })

async function answer({ id, name, args }) {
  if (name === undefined) return leave()
  try {
    process.send({ id, result: await functions[name](...args) })
  } catch (error) {
    process.send({ id, error: { name: error.name, message: error.message, code: error.code, stack: error.stack } })
  }
}

/** From now on only what the module left behind keeps the process alive. */
function leave() {
  process.off('disconnect', exit)
  process.removeAllListeners('message')
  process.disconnect()
}
