const HERE = 'http://here.invalid'
const PAGES = /^\/(?:(?:cache|cities|countries|nearest)(?:\/[^/].*|\/)?)?$/

/** Where to go after sign-in: the path asked for if it is one of our pages, else the front page. Never another site. */
export function nextPath(next: unknown): string {
  // Browsers read a backslash as a slash, and leave out tabs and line ends.
  if (typeof next !== 'string' || next.length > 2000 || !/^\/[^\s\\\p{Cc}]*$/u.test(next)) return '/'
  if (!URL.canParse(next, HERE)) return '/'
  const { origin, pathname, search, hash } = new URL(next, HERE)
  return origin === HERE && PAGES.test(pathname) ? pathname + search + hash : '/'
}
