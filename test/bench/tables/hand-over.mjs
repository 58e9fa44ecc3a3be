/** Whether this is a try, whose figures are not kept. */
export const isShort = process.env.BENCH === 'short'

/** Gives tables to `npm run bench:tables` if that has launched this process, else prints them. */
export function handOver(text) {
  if (process.send === undefined) process.stdout.write(`\n${text}\n\n`)
  else process.send(text)
}
