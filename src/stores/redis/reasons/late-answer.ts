/** Redis answers, but later than the time limit allows, so that every command fails. */
export class LateAnswer extends Error {
  constructor(tookMs: number, timeoutMs: number, cause: unknown) {
    super(
      `an answer takes ${tookMs} ms, longer than \`redisTimeout\` (${timeoutMs} ms) allows: raise it, or use a Redis that is nearer`,
      { cause },
    )
    this.name = 'LateAnswer'
  }
}
