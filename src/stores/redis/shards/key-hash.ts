/**
 * The 32-bit hash of a key, which decides its shard: FNV-1a (Fowler, Noll, Vo) over code units instead of bytes. Its halves are folded,
 * because the remainder depends on the lower one. `crc32` would turn the text into bytes each time, and each hit calls this several times.
 */
export function hashOf(key: string): number {
  let hash = 0x81_1c_9d_c5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01_00_01_93)
  return (hash ^ (hash >>> 16)) >>> 0
}
