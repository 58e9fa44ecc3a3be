import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common'
import { createKeyedCache, type KeyedCache } from 'keyedcache'

/** What to inject: `@Inject(CACHE) cache: KeyedCache`. */
export const CACHE = Symbol('cache')

/** One cache for the application, closed after its server. */
@Module({
  providers: [
    {
      provide: CACHE,
      useFactory: () =>
        createKeyedCache({
          redis: process.env['REDIS_URL'] ?? 'redis://localhost:6379',
          keyPrefix: 'nest-shop',
          name: 'shop',
        }),
    },
  ],
  exports: [CACHE],
})
export class CacheModule implements OnApplicationShutdown {
  constructor(@Inject(CACHE) private readonly cache: KeyedCache) {}

  async onApplicationShutdown(): Promise<void> {
    await this.cache.close()
  }
}
