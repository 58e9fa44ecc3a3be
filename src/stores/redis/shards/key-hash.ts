/**
 * The hash of a key that says in which shard it is, 32 bits: FNV-1a (Fowler, Noll, Vo) over code units instead of bytes, its halves folded
 * since a remainder goes by the lower one. `crc32` would make bytes of the text each time, and each hit asks several times.
 */
export function hashOf(key: string): number {
  let hash = 0x81_1c_9d_c5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01_00_01_93)
  return (hash ^ (hash >>> 16)) >>> 0
}
