import { realTime } from '../../checks/real-time.js'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Factory, FactoryContext } from '../../contract/factory.js'
import { CacheTimeoutError } from '../../contract/errors.js'
import type { FactoryLink } from './factory-chain.js'
import { checkTags, type Lifetime, lifetime } from '../../contract/options/option-checks.js'
import { startTimer } from '../../checks/timer.js'
import { schemaError } from '../../values/entry-codec.js'

/** A factory, and the defaults for its result. The factory may change them. */
export interface FactoryPlan {
  readonly key: string
  readonly factory: Factory<unknown>
  readonly life: Lifetime
  readonly tags: readonly string[]
  readonly maxComputeMs: number
  readonly schema: StandardSchemaV1 | undefined
}

/** How one run of a factory ended. */
export type Outcome =
  | {
      readonly kind: 'computed'
      readonly value: unknown
      readonly computeMs: number
      readonly life: Lifetime
      readonly tags: readonly string[]
      /** The factory asked not to store its result. */
      readonly skipped: boolean
    }
  | { readonly kind: 'failed'; readonly error: unknown }
  /** `maxCompute` has passed. What the factory gives later is ignored. */
  | { readonly kind: 'given-up' }

/** Runs a factory once inside a link, at most for `maxCompute`. Never rejects. */
export async function runOnce(
  link: FactoryLink,
  plan: FactoryPlan,
  abort: AbortController,
  stale: FactoryContext['stale'],
): Promise<Outcome> {
  const { key, factory, maxComputeMs, schema } = plan
  let { life, tags } = plan
  let skipped = false
  const context: FactoryContext = {
    key,
    // A getter, because Node makes the signal on first use, and most factories never use it.
    get signal() {
      return abort.signal
    },
    stale,
    setTtl: (ttl) => {
      life = lifetime({ ttl }, life)
    },
    setGrace: (grace) => {
      life = lifetime({ grace }, life)
    },
    setTags: (own) => {
      tags = checkTags(own)
    },
    skip: () => {
      skipped = true
    },
  }
  const startedMs = realTime.nowMs()
  const computed = link.run(async (): Promise<Outcome> => {
    try {
      const value = await factory(context)
      const computeMs = Math.round(realTime.nowMs() - startedMs)
      const error = await schemaError(schema, key, value)
      return error === undefined
        ? { kind: 'computed', value, computeMs, life, tags, skipped }
        : { kind: 'failed', error }
    } catch (error) {
      return { kind: 'failed', error }
    } finally {
      // The link does not end when the computation is given up. A factory that still runs then could still wait for itself.
      link.end()
    }
  })
  let stopTimer = (): void => undefined
  const givenUp = new Promise<Outcome>((resolve) => {
    stopTimer = startTimer(maxComputeMs, () => {
      // Resolve before the abort. Otherwise a factory that fails because of the abort would count as failed, not as given up.
      resolve({ kind: 'given-up' })
      abort.abort(new CacheTimeoutError(key, maxComputeMs, 'maxCompute'))
    })
  })
  const outcome = await Promise.race([computed, givenUp])
  stopTimer()
  return outcome
}
