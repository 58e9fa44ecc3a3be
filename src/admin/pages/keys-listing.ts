import type { KeyedCache } from '../../contract/cache.js'
import type { ChildPage, EntryOutline } from '../../contract/inspected.js'
import { segments } from '../../keys/key.js'
import { amount, bytes, expiry, number } from '../show/format.js'
import { groupOf } from '../show/key-path.js'
import { keyText, partText, shortText } from '../show/key-text.js'
import type { Link } from '../http/mount.js'
import { encodeKey } from '../http/query.js'

const GROUPS_ABOVE_LIST = 40
const ALIKE_SHOWN = 40
const CHIP_CHARACTERS = 60
const NONE_ALIKE: Alike = { alike: [], hasMoreAlike: false }

/** Which keys the page asks for. */
export interface Wanted {
  readonly view: 'list' | 'tree'
  readonly prefix: string | undefined
  readonly after: string | undefined
  readonly limit: number
  readonly page: number
}

/** Makes links to the keys page that keep the chosen view and page size. */
export type Here = (parameters: Readonly<Record<string, string | undefined>>) => string

/** What the keys page lists. */
export interface Listing extends Alike {
  /** How many keys there are at and below the prefix, in words. */
  readonly total: string
  readonly isEmpty: boolean
  readonly groups: readonly object[]
  readonly hasMoreGroups: boolean
  readonly rows: readonly object[]
  readonly pages: string | undefined
  readonly nextHref: string | undefined
}

/** The keys and groups that begin like the prefix, if there is no such key or group. */
interface Alike {
  readonly alike: readonly object[]
  readonly hasMoreAlike: boolean
}

/** A page of keys, or of one level of the tree, from the index. The number of commands does not depend on the number of keys. */
export async function listing(cache: KeyedCache, wanted: Wanted, here: Here, link: Link): Promise<Listing> {
  const found = await (wanted.view === 'tree' ? tree(cache, wanted, here, link) : list(cache, wanted, here, link))
  const isMissed = found.isEmpty && wanted.prefix !== undefined
  return { ...found, ...(isMissed ? await beginningLike(cache, wanted.prefix, here, link) : NONE_ALIKE) }
}

async function list(cache: KeyedCache, wanted: Wanted, here: Here, link: Link): Promise<Omit<Listing, keyof Alike>> {
  const { prefix, after, limit, page } = wanted
  const [found, level] = await Promise.all([
    cache.keys(prefix, { after, limit }),
    after === undefined ? cache.children(prefix, { limit: GROUPS_ABOVE_LIST }) : undefined,
  ])
  const outlines = await cache.entries(found.keys)
  const groups = level?.children.filter(({ count }) => count > 0) ?? []
  return {
    total: amount(found.total, 'key'),
    isEmpty: found.total === 0,
    groups: groups.map((child) => chip(child, here)),
    hasMoreGroups: level?.next !== undefined,
    rows: found.keys.map((key, i) => keyRow(keyText(key), key, outlines[i], link)),
    pages: number(Math.max(page, Math.ceil(found.total / limit))),
    nextHref: nextHref(wanted, found.next, here),
  }
}

async function tree(cache: KeyedCache, wanted: Wanted, here: Here, link: Link): Promise<Omit<Listing, keyof Alike>> {
  const { prefix, after, limit } = wanted
  const [level, total] = await Promise.all([cache.children(prefix, { after, limit }), cache.count(prefix)])
  const keys = level.children.flatMap(({ key, isKey }) => (isKey ? [key] : []))
  const found = await cache.entries(keys)
  const outlines = new Map(keys.map((key, i) => [key, found[i]]))
  return {
    total: amount(total, 'key'),
    isEmpty: total === 0,
    groups: [],
    hasMoreGroups: false,
    // A key that has keys below it is listed twice: as a group and as a key.
    rows: level.children.flatMap((child) => {
      const deleteHref = link('delete', { mode: 'tree', k: encodeKey(child.key) })
      const { name } = group(child, here)
      return [
        ...(child.count > 0 ? [{ kind: 'group', ...group(child, here), deleteHref }] : []),
        ...(child.isKey ? [keyRow(name, child.key, outlines.get(child.key), link)] : []),
      ]
    }),
    pages: undefined,
    nextHref: nextHref(wanted, level.next, here),
  }
}

/**
 * The keys and groups of the same level that begin with the last part of the prefix. A reader who typed half of a name means one of these.
 */
async function beginningLike(cache: KeyedCache, prefix: string, here: Here, link: Link): Promise<Alike> {
  const typed = segments(prefix).at(-1) ?? ''
  const level = await cache.children(groupOf(prefix), { after: prefix, limit: ALIKE_SHOWN })
  const alike = level.children.filter(({ segment }) => segment.startsWith(typed))
  return {
    alike: alike.map((child) => ({
      ...chip(child, here),
      ...(child.count === 0 && { href: link('key', { k: encodeKey(child.key) }), count: 'key' }),
    })),
    hasMoreAlike: level.next !== undefined && alike.length === level.children.length,
  }
}

/** A group as it is shown above a list, where its count needs a noun. */
function chip(child: ChildPage['children'][number], here: Here): object {
  return {
    ...group(child, here),
    name: shortText(partText(child.segment), CHIP_CHARACTERS),
    count: amount(child.count, 'key'),
  }
}

function group(child: ChildPage['children'][number], here: Here): { name: string; href: string; count: string } {
  return {
    name: partText(child.segment),
    href: here({ prefix: child.key }),
    count: number(child.count),
  }
}

function keyRow(name: string, key: string, outline: EntryOutline | undefined, link: Link): object {
  const k = encodeKey(key)
  return {
    kind: 'key',
    name,
    href: link('key', { k }),
    deleteHref: link('delete', { mode: 'one', k }),
    expires: outline && expiry(outline),
    size: outline && bytes(outline.size),
  }
}

function nextHref({ prefix, page }: Wanted, next: string | undefined, here: Here): string | undefined {
  return next === undefined ? undefined : here({ prefix, after: next, page: `${page + 1}` })
}
