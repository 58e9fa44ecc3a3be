/** Whether this is the URL of a Redis server. */
export function isRedisUrl(url: unknown): url is string {
  return typeof url === 'string' && URL.canParse(url) && /^rediss?:$/.test(new URL(url).protocol)
}

/** The kind of a text that is no Redis URL, for an error message. The text itself is not shown, because it may hold a password. */
export function kindOfOtherText(text: string): string {
  return text.includes('://') ? 'text of another kind' : 'text without `redis://` in front'
}
