import type { Request } from 'express'

/** Where a request stands in relation to the dashboard's mount. All of it is relative, so no mount path needs to be known. */
export interface Place {
  /** The path below the mount, such as `/keys`. */
  readonly path: string
  /** The path, with its leading `?`, or nothing. */
  readonly search: string
  /** How a page here reaches the dashboard's root. Ends in a slash. */
  readonly root: string
  /** How a page here reaches the root of the application; `undefined` where the dashboard stands there itself. */
  readonly home: string | undefined
  /** Whether the mount was asked for without its slash, where relative links would lead astray. */
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

/** Links from a place; `fixed` parameters go with each of them. */
export function linksFrom(root: string, fixed: Readonly<Record<string, string | undefined>>): Link {
  return (page, parameters = {}) => {
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries({ ...parameters, ...fixed })) {
      if (value !== undefined) search.set(name, value)
    }
    return `${root}${page}${search.size > 0 ? `?${search.toString()}` : ''}`
  }
}
