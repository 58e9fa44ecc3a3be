import { setTimeout as wait } from 'node:timers/promises'
import { Inject, Injectable } from '@nestjs/common'
import type { KeyedCache } from 'keyedcache'
import { CACHE } from './cache.module.js'

export interface Product {
  id: string
  name: string
}

@Injectable()
export class ProductsService {
  /** In place of a database. */
  readonly #rows = new Map<string, Product>([['1', { id: '1', name: 'Teapot' }]])

  constructor(@Inject(CACHE) private readonly cache: KeyedCache) {}

  /** `null` where there is none. */
  async find(id: string): Promise<Product | null> {
    const load = () => wait(300, this.#rows.get(id) ?? null) // a slow query
    return this.cache.getOrSet(['product', id], load, { ttl: '5m' })
  }

  async rename(id: string, name: string): Promise<void> {
    this.#rows.set(id, { id, name })
    await this.cache.delete(['product', id], { children: true }) // after the change is saved
  }
}
