import { setImmediate as turn } from 'node:timers/promises'
import { closeCaches, configure } from 'keyedcache'

interface Things {
  names: Record<string, string>
  uses: Record<string, () => Promise<string>>
}

/** Uses all things, and writes what each is called and what it gave: a value, an error, and the classes that were warned of. */
export async function tell(all: Record<string, Things>): Promise<void> {
  const { REDIS_URL: redis = '', KEYEDCACHE_KEY_PREFIX: keyPrefix = '' } = process.env
  configure({ caches: { default: { redis, keyPrefix, redisTimeout: '10s' } } })
  const warned: string[] = []
  process.on('warning', (warning) => {
    if ((warning as { code?: string }).code === 'KEYEDCACHE_CLASS_NAME') warned.push(warning.message)
  })
  const told = []
  for (const [who, { names, uses }] of Object.entries(all)) {
    for (const [kind, use] of Object.entries(uses)) {
      const outcome = await use().then(
        (value) => ({ value }),
        (error: Error) => ({ error: error.message }),
      )
      told.push({ who, kind, name: names[kind], ...outcome })
    }
  }
  await turn()
  process.stdout.write(JSON.stringify({ told, warned }))
  await closeCaches()
}
