import { pathToFileURL } from 'node:url'

const functions = await import(pathToFileURL(process.argv[2]).href)

process.on('message', (message) => void answer(message))
process.on('disconnect', () => process.exit())
process.send({ ready: true })

async function answer({ id, name, args }) {
  try {
    process.send({ id, result: await functions[name](...args) })
  } catch (error) {
    process.send({ id, error: { name: error.name, message: error.message, code: error.code, stack: error.stack } })
  }
}
