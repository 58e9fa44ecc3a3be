import type { Request } from 'express'

/** Where a request stands below the dashboard's mount. All links are relative, so the mount path need not be known. */
export interface Place {
  /** The path below the mount, such as `/keys`. */
  readonly path: string
  /** The query string with its leading `?`, or nothing. */
  readonly search: string
  /** The link from this page to the dashboard's root. Ends in a slash. */
  readonly root: string
  /** The link from this page to the root of the application; `undefined` if the dashboard itself is mounted there. */
  readonly home: string | undefined
  /** Whether the mount was asked for without its final slash. Relative links would be wrong there. */
  readonly isBare: boolean
}

/** Finds where a request stands. */
export function placeOf(req: Request): Place {
  const mark = req.originalUrl.indexOf('?')
  const search = mark < 0 ? '' : req.originalUrl.slice(mark)
  const pathname = mark < 0 ? req.originalUrl : req.originalUrl.slice(0, mark)
  const up = '../'.repeat(req.baseUrl.split('/').length - 1)
  const isBare = req.path === '/' && !pathname.endsWith('/')
  const depth = req.path.split('/').length - 2
  const above = depth > 0 ? '../'.repeat(depth) : './'
  const root = isBare ? `./${pathname.slice(pathname.lastIndexOf('/') + 1)}/` : above
  return { path: req.path, search, root, home: up === '' ? undefined : root + up, isBare }
}

/** Writes a relative link to a page (`''` is the overview), leaving out parameters without a value. */
export type Link = (page: string, parameters?: Readonly<Record<string, string | undefined>>) => string

/** Makes links from a place. The `fixed` parameters go into every link. */
export function linksFrom(root: string, fixed: Readonly<Record<string, string | undefined>>): Link {
  return (page, parameters = {}) => {
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries({ ...parameters, ...fixed })) {
      if (value !== undefined) search.set(name, value)
    }
    return `${root}${page}${search.size > 0 ? `?${search.toString()}` : ''}`
  }
}
