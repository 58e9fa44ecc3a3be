/** Bytes that live objects take, buffers outside of the heap included. Needs `node --expose-gc`. */
export function heapBytes() {
  for (let i = 0; i < 4; i++) globalThis.gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
