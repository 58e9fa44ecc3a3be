import type { EntryInfo } from '../cache/cache.js'
import { segments, unescapeSegment } from '../cache/key.js'
import { amount, bytes, moment, number, span, visible } from './format.js'
import { linkedKey, type Handler } from './page.js'
import { badRequest, Problem } from './problem.js'
import { encodeKey } from './query.js'
import { valueText } from './value-text.js'

/** One key: its parts, how long it lives, and its value. Looking changes no statistics. */
export const keyPage: Handler = async ({ cache, query, link, readOnly, redact }) => {
  const key = linkedKey(query, 'k')
  if (key === undefined) throw badRequest('This page shows one key, and the parameter “k” must say which.')
  const [entry, below] = await Promise.all([cache.entry(key, { value: true }), cache.keys(key, { limit: 1 })])
  if (entry === undefined) {
    throw new Problem(404, 'Nothing is cached under this key', `${visible(key)} has expired or was deleted.`)
  }
  const childCount = below.total - (below.keys[0] === key ? 1 : 0)
  return {
    view: 'key',
    title: visible(key),
    model: {
      key: visible(key),
      rawKey: key,
      parts: segments(key).map((part) => visible(unescapeSegment(part))),
      isStale: entry.stale,
      expires: expires(entry),
      size: bytes(entry.size),
      created: moment(entry.createdAt),
      computed: entry.computeMs === undefined ? undefined : span(entry.computeMs / 1000),
      tags: entry.tags.map(visible),
      value: shownValue(key, entry.value, redact),
      children: amount(childCount, 'key'),
      childrenHref: childCount > 0 ? link('keys', { prefix: key }) : undefined,
      groupHref: link('keys', { prefix: segments(key).slice(0, -1).join('::') || undefined }),
      canDelete: readOnly === undefined,
      deleteHref: link('delete', { mode: 'one', k: encodeKey(key) }),
      deleteTreeHref: link('delete', { mode: 'tree', k: encodeKey(key) }),
    },
  }
}

function expires({ ttl }: EntryInfo): object {
  if (ttl === Infinity) return { text: 'never expires' }
  if (ttl === 0) return { text: 'its ttl has passed' }
  return { text: `in ${span(ttl)}`, at: moment(new Date(Date.now() + ttl * 1000)) }
}

function shownValue(key: string, value: unknown, redact: (key: string, value: unknown) => unknown): object {
  let shown: unknown
  try {
    shown = redact(key, value)
  } catch (error) {
    process.emitWarning(`The dashboard hid a value, since \`redact\` failed: ${String(error)}`, {
      code: 'KEYEDCACHE_ADMIN_REDACT',
    })
    shown = 'Hidden'
  }
  const { kind, text, cutFrom } = valueText(shown)
  return {
    kind,
    text,
    cut: cutFrom === undefined ? undefined : `the first ${number(text.length)} of ${number(cutFrom)} characters`,
  }
}
