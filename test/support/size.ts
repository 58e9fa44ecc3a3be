/** Whether what is long by chance alone is done in full: `npm run test:full`, and `npm run faults`. */
export const isFull: boolean = process.env['TESTS'] === 'full' || process.env['FAULTS'] === 'full'

/** How often something random is done: a tenth of it in `npm test`, which is quick, all of it in `npm run test:full`. */
export function sized(full: number): number {
  return isFull ? full : Math.ceil(full / 10)
}
