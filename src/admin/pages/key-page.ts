import { isError } from '../../checks/is-error.js'
import type { EntryInfo } from '../../contract/inspected.js'
import { segments } from '../../keys/key.js'
import { amount, bytes, moment, number, span } from '../show/format.js'
import { groupOf, keyPath } from '../show/key-path.js'
import { MAX_HEX_BYTES } from '../show/hex-dump.js'
import { keyText, partText, shortName, shortText } from '../show/key-text.js'
import { inspectKey, type KeyInspection } from '../show/inspect-key.js'
import type { Link } from '../http/mount.js'
import { linkedKey, type Handler, type PageRequest } from '../show/page.js'
import { badRequest } from '../http/problem.js'
import { choice, encodeKey } from '../http/query.js'
import { HIDDEN, hasSecretNames } from '../access/redact.js'
import { FORMATS, valueText, type Format, type ValueText } from '../show/value-text.js'
import { reasonOf } from '../../checks/reason.js'

/** A longer key is shown in small letters, and is cut in sentences. */
const NAME_CHARACTERS = 200
const GROUP_CHARACTERS = 60

/** One key: its parts, how long it lives, and its value. Looking changes no statistics and no expiry. */
export const keyPage: Handler = async (request) => {
  const { cache, query, link, readOnly } = request
  const key = linkedKey(query, 'k')
  if (key === undefined) throw badRequest('This page shows one key, and the parameter “k” must say which.')
  const format = choice(query, 'as', FORMATS)
  const [found, below] = await Promise.all([inspectKey(cache, key), cache.keys(key, { limit: 1 })])
  const childCount = below.total - (below.keys[0] === key ? 1 : 0)
  const common = {
    key: shortName(key, NAME_CHARACTERS),
    ...place(key, link),
    children: amount(childCount, 'key'),
    childrenHref: childCount > 0 ? link('keys', { prefix: key }) : undefined,
  }
  if (found.is === 'nothing') return { view: 'key-gone', title: 'No such key', status: 404, model: common }
  return {
    view: 'key',
    title: keyText(key),
    model: {
      ...common,
      // For a long key, the page shows the actions before the key.
      isLong: common.key.whole !== undefined,
      // For the script, which copies the key as it is.
      keyEncoded: encodeURIComponent(key),
      parts: segments(key).map(partText),
      canDelete: readOnly === undefined,
      deleteHref: link('delete', { mode: 'one', k: encodeKey(key) }),
      deleteTreeHref: link('delete', { mode: 'tree', k: encodeKey(key) }),
      ownChildren: `${number(childCount)} ${childCount === 1 ? 'child' : 'children'}`,
      facts: found.entry && facts(found.entry, link, readOnly === undefined),
      ...(found.is === 'entry'
        ? await value(request, key, found.entry.value, format)
        : await undecodable(request, key, found)),
    },
  }
}

function place(key: string, link: Link): object {
  const group = groupOf(key)
  return {
    allHref: link('keys'),
    path: keyPath(group, (prefix) => link('keys', { prefix })),
    group: group === undefined ? undefined : shortText(keyText(group), GROUP_CHARACTERS),
    groupHref: link('keys', { prefix: group }),
  }
}

function facts(entry: EntryInfo, link: Link, canDelete: boolean): object {
  return {
    isStale: entry.stale,
    expires: expires(entry),
    size: bytes(entry.size),
    created: moment(entry.createdAt),
    computed: entry.computeMs === undefined ? undefined : span(entry.computeMs / 1000),
    tags: entry.tags.map((tag) => ({
      name: keyText(tag),
      href: canDelete ? link('delete', { mode: 'tag', t: encodeKey(tag) }) : undefined,
    })),
  }
}

function expires({ ttl }: EntryInfo): object {
  if (ttl === Infinity) return { text: 'never expires' }
  if (ttl === 0) return { text: 'its ttl has passed' }
  return { text: `in ${span(ttl < 10 ? ttl : Math.ceil(ttl))}`, at: moment(new Date(Date.now() + ttl * 1000)) }
}

async function value(request: PageRequest, key: string, stored: unknown, format: Format | undefined): Promise<object> {
  const shown = shownText(request, await redacted(request, key, stored), format)
  return {
    value: shown,
    formats: FORMATS.map((each) => ({
      name: each === 'text' ? 'Text' : each === 'hex' ? 'Hex' : 'JSON',
      href: `${request.link('key', { k: encodeKey(key), as: each })}#value`,
      isCurrent: each === shown.format,
    })),
  }
}

/** Why a value cannot be decoded, and the bytes that are stored. */
async function undecodable(
  request: PageRequest,
  key: string,
  { error, bytes: stored }: Extract<KeyInspection, { is: 'undecodable' }>,
): Promise<object> {
  if (stored === undefined) return { reason: reasonOf(error) }
  // In bytes, a single field cannot be hidden, so a secret name hides all of them.
  const shown = hasSecretNames(stored.subarray(0, MAX_HEX_BYTES)) ? HIDDEN : await redacted(request, key, stored)
  // The error of a serializer may quote some bytes, so it is shown only where the bytes are shown.
  const said = shown === stored && isError(error) ? (error.cause ?? error) : error
  return { reason: reasonOf(said), value: shownText(request, shown) }
}

async function redacted(request: PageRequest, key: string, stored: unknown): Promise<unknown> {
  try {
    return await request.redact(key, stored)
  } catch (error) {
    return hidden(request, error)
  }
}

function shownText(request: PageRequest, shown: unknown, format?: Format): ValueText {
  try {
    return valueText(shown, format)
  } catch (error) {
    return valueText(hidden(request, error), format)
  }
}

function hidden({ warnings }: PageRequest, error: unknown): typeof HIDDEN {
  warnings.give('KEYEDCACHE_ADMIN_REDACT', 'The dashboard hid a value, since `redact` failed', error)
  return HIDDEN
}
