/** The next message of a child process. @throws {Error} when it ends instead. */
export function childAnswer(child) {
  return new Promise((resolve, reject) => {
    const ended = (code) => reject(new Error(`A process of the benchmark ended with ${code}`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message)
    })
  })
}
