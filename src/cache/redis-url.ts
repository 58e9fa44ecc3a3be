/** Whether this is the URL of a Redis. */
export function isRedisUrl(url: unknown): url is string {
  return typeof url === 'string' && URL.canParse(url) && /^rediss?:$/.test(new URL(url).protocol)
}

/** What text is that is no URL of a Redis. Nothing of it is shown: it may hold a password. */
export function kindOfOtherText(text: string): string {
  return text.includes('://') ? 'text of another kind' : 'text without `redis://` in front'
}
