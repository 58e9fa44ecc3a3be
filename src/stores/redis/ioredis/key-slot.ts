/** The slot in which a Redis Cluster keeps a name: the CRC-16 (XMODEM) of what is between its first braces, or of all of it. */
export function slotOf(name: string): number {
  const open = name.indexOf('{')
  const close = open === -1 ? -1 : name.indexOf('}', open)
  const hashed = close > open + 1 ? name.slice(open + 1, close) : name
  let crc = 0
  for (const byte of Buffer.from(hashed)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ ((crc & 0x80_00) === 0 ? 0 : 0x1_10_21)
  }
  return crc & 0x3f_ff
}
