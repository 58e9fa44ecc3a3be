import { Cluster, Redis, type RedisOptions } from 'other-ioredis'
import { createKeyedCache } from 'keyedcache'

/** Clients and options of another copy of ioredis than the one that the package uses, and of another major version. */
export function ofAnotherCopy(options: RedisOptions): void {
  for (const redis of [new Redis(), new Cluster([{ host: 'a', port: 6379 }]), options])
    createKeyedCache({ redis, keyPrefix: 'other' })
}
