const BYTES_PER_LINE = 16

/** How many bytes a dump shows at most: about 64 KiB written out. */
export const MAX_HEX_BYTES: number = 12 * 1024

/** Bytes as lines: the offset, the bytes in hex, and the bytes in ASCII with a dot for all others. */
export function hexDump(bytes: Buffer): string {
  const lines: string[] = []
  for (let start = 0; start < Math.min(bytes.length, MAX_HEX_BYTES); start += BYTES_PER_LINE) {
    const line = bytes.subarray(start, Math.min(start + BYTES_PER_LINE, MAX_HEX_BYTES))
    const pairs = Array.from(line, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const ascii = line.toString('latin1').replace(/[^ -~]/g, '.')
    lines.push(`${start.toString(16).padStart(8, '0')}  ${pairs.padEnd(3 * BYTES_PER_LINE - 1)}  ${ascii}`)
  }
  return lines.join('\n')
}
