import type { ChildProcess } from 'node:child_process'

const children = new Set<ChildProcess>()

/** Makes sure that a child process does not outlive the process that runs the tests. */
export function endWithTests(child: ChildProcess): void {
  if (children.size === 0) {
    process.on('exit', killAll)
    // vitest ends its workers by SIGTERM, which by itself skips 'exit'
    process.on('SIGTERM', exit)
  }
  children.add(child)
  child.once('exit', () => {
    children.delete(child)
    if (children.size > 0) return
    process.off('exit', killAll)
    process.off('SIGTERM', exit)
  })
}

function killAll(): void {
  for (const child of children) child.kill('SIGKILL')
}

function exit(): void {
  process.exit(143)
}
