/** Makes a copy: a small buffer is part of a shared pool, and keeping it keeps the whole pool. */
export function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
