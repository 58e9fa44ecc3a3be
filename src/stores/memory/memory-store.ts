import { LRUCache } from 'lru-cache'
import { steadyNow } from './steady-clock.js'
import type { BackendStats } from '../../contract/cache.js'
import type { ChildPage, Computation, KeyPage } from '../../contract/inspected.js'
import { type RemovalStep, wholeStep } from '../../contract/removal-step.js'
import type { StatsBatch, StatsTotals } from '../../contract/statistics.js'
import type { Acquired, Attempt, Ended, Store, Write } from '../../contract/store.js'
import type { MemoryBounds } from './memory-bounds.js'
import { MemoryLeases } from './memory-leases.js'
import { MemoryStats } from './memory-stats.js'
import { ownCopy } from './own-copy.js'
import { SortedKeys } from './sorted-keys.js'

const LOG_LINES = 1000
/** The LRU cache takes a start of 0 for none, and tests begin their clocks there. */
const AFTER_NONE = 1

interface Stored {
  readonly bytes: Buffer
  readonly expiresAt: number
  readonly tags: readonly string[]
}

/** The embedded store: entries of this process alone, bounded by number and bytes. It evicts the least recently used first. */
export class MemoryStore implements Store {
  readonly kind = 'memory'
  readonly place = undefined
  readonly hearsEnds = true
  /** A near copy of an entry that is already in this process would be of no use. */
  readonly tracks = false
  readonly #entries: LRUCache<string, Stored>
  readonly #keys = new SortedKeys()
  readonly #tagged = new Map<string, Set<string>>()
  readonly #leases = new MemoryLeases()
  readonly #since = new Date()
  readonly #stats = new MemoryStats()
  /** What staff did, the newest first. */
  readonly #log: string[] = []
  /** No entry expires before this moment, so that most listings need not look for expired ones. */
  #nextExpiry = Infinity

  constructor({ maxEntries, maxBytes }: MemoryBounds) {
    this.#entries = new LRUCache({
      max: maxEntries,
      maxSize: maxBytes,
      sizeCalculation: ({ bytes }, key) => bytes.length + 2 * key.length + 1,
      ttlResolution: 0,
      perf: { now: () => AFTER_NONE + this.now() },
      dispose: ({ tags }, key, reason) => {
        for (const tag of tags) this.#untag(tag, key)
        if (reason !== 'set') this.#keys.delete(key)
      },
    })
  }

  /** Steady, but for a test that fakes `Date` to have entries expire. */
  now(): number {
    return steadyNow()
  }

  doubtClock(): void {
    // It is not set.
  }

  backend(): BackendStats {
    return { kind: this.kind, up: true, since: this.#since, roundTripMs: 0, address: undefined, error: undefined }
  }

  outageOf(): undefined {
    return undefined
  }

  onOutageEnd(): void {
    // The embedded store always answers.
  }

  async read<T>(key: string, found: (bytes: Buffer | undefined, nowMs: number) => T | Promise<T>): Promise<T> {
    return found(this.#entries.get(key)?.bytes, this.now())
  }

  async readMany<T>(
    keys: readonly string[],
    found: (bytes: Buffer | undefined, nowMs: number, place: number) => T,
  ): Promise<T[]> {
    return keys.map((key, place) => found(this.#entries.get(key)?.bytes, this.now(), place))
  }

  async peek(key: string): Promise<Buffer | undefined> {
    return this.#entries.peek(key)?.bytes
  }

  async peekMany(keys: readonly string[]): Promise<({ head: Buffer; size: number } | undefined)[]> {
    return keys.map((key) => {
      const bytes = this.#entries.peek(key)?.bytes
      return bytes && { head: bytes, size: bytes.length }
    })
  }

  async write(entries: readonly Write[]): Promise<boolean[]> {
    return entries.map((entry) => {
      this.#leases.void(entry.key)
      return this.#write(entry)
    })
  }

  async remove(keys: readonly string[]): Promise<string[]> {
    for (const key of keys) this.#leases.void(key)
    return keys.filter((key) => this.#remove(key))
  }

  async removeTree(key: string, step: RemovalStep = wholeStep): Promise<string[]> {
    this.#leases.voidTree(key)
    return this.#removeAll([key, ...this.#keys.below(key)], step)
  }

  async clear(step: RemovalStep = wholeStep): Promise<number> {
    this.#leases.voidTree(undefined)
    this.#dropExpired()
    return (await this.#removeAll([...this.#entries.keys()], step)).length
  }

  async removeTag(tag: string, step: RemovalStep = wholeStep): Promise<string[]> {
    this.#leases.bury(tag, this.now())
    const carries = (key: string): boolean => this.#tagged.get(tag)?.has(key) === true
    return this.#removeAll([...(this.#tagged.get(tag) ?? [])], step, carries)
  }

  async listTag(tag: string, limit: number): Promise<{ keys: string[]; total: number }> {
    this.#dropExpired()
    const keys = [...(this.#tagged.get(tag) ?? [])]
    return { keys: keys.slice(0, limit), total: keys.length }
  }

  async list(under: string | undefined, after: string | undefined, limit: number): Promise<KeyPage> {
    this.#dropExpired()
    return this.#keys.page(under, after, limit)
  }

  async children(under: string | undefined, after: string | undefined, limit: number): Promise<ChildPage> {
    this.#dropExpired()
    return this.#keys.children(under, after, limit)
  }

  async count(under: string | undefined): Promise<number> {
    this.#dropExpired()
    return this.#keys.count(under)
  }

  async acquire(attempt: Attempt): Promise<Acquired> {
    const bytes = this.#entries.get(attempt.key)?.bytes
    if (bytes !== undefined && attempt.seen !== 'any' && attempt.seen !== bytes) return { kind: 'value', bytes }
    const acquired = this.#leases.acquire(attempt, this.now())
    return acquired.kind === 'follows' && attempt.seen === 'any' ? { ...acquired, entry: bytes } : acquired
  }

  async isFollowed(key: string, token: string): Promise<boolean> {
    return this.#leases.isFollowed(key, token)
  }

  async renew(key: string, token: string, leaseMs: number, tags: readonly string[]): Promise<boolean> {
    return this.#leases.renew(key, token, leaseMs, tags)
  }

  async fill(entry: Write, token: string): Promise<boolean> {
    // The lease is checked first and ended last, so that listeners are told only when the entry is there.
    if (!this.#leases.renew(entry.key, token, 0, entry.tags)) return false
    const stored = this.#write(entry)
    this.#leases.end(entry.key, token, stored ? 'filled' : 'nothing')
    return true
  }

  async release(
    key: string,
    token: string,
    ended: 'nothing' | 'voided',
    pauseMs: number,
    tags: readonly string[] = [],
  ): Promise<boolean> {
    if (!this.#leases.renew(key, token, 0, tags)) return false
    this.#leases.end(key, token, ended)
    if (pauseMs > 0) this.#leases.pause(key, this.now(), this.now() + pauseMs)
    return true
  }

  async computations(): Promise<Computation[]> {
    return this.#leases.list()
  }

  onEnded(listener: (key: string, ended: Ended) => void): void {
    this.#leases.listen(listener)
  }

  onTagRemoved(listener: (tag: string) => void): void {
    this.#leases.listenForTags(listener)
  }

  async sendCycleProbe(): Promise<void> {
    // There is no other process.
  }

  onCycleProbe(): void {
    // Nor does one ask.
  }

  onHearing(): void {
    // Nothing is ever missed.
  }

  onChanged(): void {
    // Nothing is tracked.
  }

  async probe(): Promise<void> {
    // Memory always answers.
  }

  async addStats(batch: StatsBatch): Promise<void> {
    this.#stats.add(batch, this.now())
  }

  async readStats(): Promise<StatsTotals> {
    return this.#stats.read()
  }

  async appendLog(line: string): Promise<void> {
    this.#log.unshift(line)
    this.#log.length = Math.min(this.#log.length, LOG_LINES)
  }

  async readLog(limit: number): Promise<string[]> {
    return this.#log.slice(0, limit)
  }

  async close(): Promise<void> {
    this.#entries.clear()
  }

  #write({ key, bytes, expiresAt, tags }: Write): boolean {
    const start = this.now()
    const ttl = expiresAt - start
    if (ttl <= 0) {
      this.#entries.delete(key)
      return false
    }
    this.#keys.add(key)
    this.#entries.set(
      key,
      { bytes: ownCopy(bytes), expiresAt, tags },
      {
        start: AFTER_NONE + start,
        ttl: Number.isFinite(ttl) ? ttl : 0,
      },
    )
    // The LRU cache does not take an entry larger than the whole store, and drops the older one under its key.
    const stored = this.#entries.peek(key) !== undefined
    if (stored) {
      this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt)
      for (const tag of tags) this.#tagged.set(tag, (this.#tagged.get(tag) ?? new Set()).add(key))
    } else this.#keys.delete(key)
    return stored
  }

  #untag(tag: string, key: string): void {
    const keys = this.#tagged.get(tag)
    keys?.delete(key)
    if (keys?.size === 0) this.#tagged.delete(tag)
  }

  /** Removes keys in one step: those that are still concerned when it is taken. */
  async #removeAll(
    keys: readonly string[],
    step: RemovalStep,
    concerns: (key: string) => boolean = () => true,
  ): Promise<string[]> {
    const removed: string[] = []
    await step(keys, async (those) => {
      for (const each of await this.remove(those.filter(concerns))) removed.push(each)
    })
    return removed
  }

  #remove(key: string): boolean {
    const wasThere = this.#entries.peek(key) !== undefined
    this.#entries.delete(key)
    return wasThere
  }

  #dropExpired(): void {
    if (this.now() < this.#nextExpiry) return
    this.#entries.purgeStale()
    this.#nextExpiry = Infinity
    for (const { expiresAt } of this.#entries.values()) this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt)
  }
}
