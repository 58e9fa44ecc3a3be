/** A promise that is resolved from outside. */
export interface Gate {
  readonly opened: Promise<void>
  open(): void
}

/** Makes a gate for a factory to wait at until the test opens it. */
export function makeGate(): Gate {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
