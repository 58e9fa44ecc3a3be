import type { Store } from '../../contract/store.js'
import type { AuditEvent } from '../../contract/audit-event.js'
import { auditLine, readAuditLine } from './audit-line.js'
import { createMustAnswer, type MustAnswer } from '../../contract/events/must-answer.js'
import type { ChildPage, Computation, EntryInfo, EntryOutline, KeyPage, PageOptions } from '../../contract/inspected.js'
import { freshness } from '../../values/freshness.js'
import type { CallOrder } from '../order/call-order.js'
import { type Key, toKey, toKeys } from '../../keys/key.js'
import { ENTRY_OPTIONS, LIMIT_OPTIONS } from '../../contract/options/known-options.js'
import { checkOptions, checkPage, checkTag } from '../../contract/options/option-checks.js'
import { show } from '../../checks/show.js'
import type { EntryCodec } from '../../values/entry-codec.js'

/**
 * For code that looks at a cache without using it, such as the dashboard. Looking counts as no call and changes nothing. `KeyedCache`
 * describes the methods.
 */
export class Inspection {
  readonly #store: Store
  readonly #order: CallOrder
  readonly #codec: EntryCodec
  readonly #mustAnswer: MustAnswer
  /** A failure emits no `error` event, because the caller gets the error and the cache itself is not affected. */
  readonly #read = createMustAnswer(() => {})

  constructor(store: Store, order: CallOrder, codec: EntryCodec, mustAnswer: MustAnswer) {
    this.#store = store
    this.#order = order
    this.#codec = codec
    this.#mustAnswer = mustAnswer
  }

  async keys(under: Key | undefined, options: PageOptions): Promise<KeyPage> {
    const { after, limit } = checkPage(options)
    const full = optionalKey(under)
    return this.#list('keys', this.#order.settled(full), () => this.#store.list(full, after, limit))
  }

  async children(under: Key | undefined, options: PageOptions): Promise<ChildPage> {
    const { after, limit } = checkPage(options)
    const full = optionalKey(under)
    return this.#list('children', this.#order.settled(full), () => this.#store.children(full, after, limit))
  }

  async count(under: Key | undefined): Promise<number> {
    const full = optionalKey(under)
    return this.#list('count', this.#order.settled(full), () => this.#store.count(full))
  }

  async tagged(tag: string, options: { limit?: number | undefined }): Promise<{ keys: string[]; total: number }> {
    checkTag(tag)
    const { limit } = checkPage(options, LIMIT_OPTIONS)
    return this.#list('tagged', this.#order.settled(), () => this.#store.listTag(tag, limit))
  }

  async entry(key: Key, options: { value?: boolean | undefined } | undefined): Promise<EntryInfo | undefined> {
    const full = toKey(key)
    const withValue = checkOptions(options, 'entry', ENTRY_OPTIONS)?.value ?? false
    if (typeof withValue !== 'boolean')
      throw new TypeError(`Expected \`value\` to be true or false, got ${show(withValue)}`)
    const hiding = this.#order.hiding(full)
    const bytes = await this.#read('entry', () => this.#order.read([full], () => this.#store.peek(full)))
    const entry = bytes === undefined ? undefined : this.#codec.entry(full, bytes)
    if (bytes === undefined || entry === undefined || hiding?.(entry.tags) === true) return undefined
    const value = withValue ? { value: (await this.#codec.decode(full, bytes))?.value } : {}
    return { ...this.#outline(full, entry, bytes.length), tags: [...entry.tags], ...value }
  }

  async entries(keys: readonly Key[]): Promise<(EntryOutline | undefined)[]> {
    const full = toKeys(keys)
    const found = await this.#read('entries', () => this.#order.read(full, () => this.#store.peekMany(full)))
    return full.map((key, i) => {
      const { head: bytes, size = 0 } = found[i] ?? {}
      const head = bytes === undefined ? undefined : this.#codec.head(bytes)
      return head === undefined ? undefined : this.#outline(key, head, size)
    })
  }

  async bytes(key: Key): Promise<Buffer | undefined> {
    const full = toKey(key)
    const bytes = await this.#read('bytes', () => this.#order.read([full], () => this.#store.peek(full)))
    return bytes && Buffer.from(bytes)
  }

  async computing(): Promise<Computation[]> {
    return this.#read('computing', () => this.#store.computations())
  }

  async audit(event: AuditEvent): Promise<void> {
    await this.#mustAnswer('audit', () => this.#store.appendLog(auditLine(event)))
  }

  async activity(options: { limit?: number | undefined }): Promise<AuditEvent[]> {
    const { limit } = checkPage(options, LIMIT_OPTIONS)
    const lines = await this.#read('activity', () => this.#store.readLog(limit))
    return lines.map(readAuditLine).filter((event) => event !== undefined)
  }

  /** Lists when the calls that were made before have been carried out. */
  async #list<T>(operation: string, earlier: Promise<void> | undefined, list: () => Promise<T>): Promise<T> {
    if (earlier !== undefined) await earlier
    return this.#read(operation, list)
  }

  #outline(key: string, head: NonNullable<ReturnType<EntryCodec['head']>>, size: number): EntryOutline {
    const nowMs = this.#store.now(key)
    return {
      key,
      // The clock here may be a little behind the one that wrote `createdAt`. So never show a longer ttl than the entry was given.
      ttl: Math.max(0, head.expiresAt - Math.max(Math.ceil(nowMs), head.createdAt)) / 1000,
      stale: freshness(head, nowMs) === 'stale',
      size,
      createdAt: new Date(head.createdAt),
      computeMs: head.computeMs,
    }
  }
}

function optionalKey(under: Key | undefined): string | undefined {
  return under === undefined ? undefined : toKey(under)
}
