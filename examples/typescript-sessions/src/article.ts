import { CachedObject } from 'keyedcache'

/** An article, cached under `Article::<id>` with its methods. */
export class Article extends CachedObject(Object, { ttl: '1h' }) {
  static override cacheName = 'Article' // stays the same whatever a bundler makes of the class's name
  id = ''
  text = ''

  /** How long it takes to read, in minutes. */
  minutes(): number {
    return Math.ceil(this.text.split(/\s+/).length / 200)
  }
}

/** In place of a database. */
const rows = new Map([['1', { id: '1', text: 'Redis keeps what was computed. '.repeat(100) }]])

/** From the cache or the database; `undefined`, which is not cached, where there is none. */
export async function findArticle(id: string): Promise<Article | undefined> {
  return Article.findCached(id, async () => rows.get(id))
}

/** Changes its text for every process. */
export async function saveArticle(id: string, text: string): Promise<void> {
  rows.set(id, { id, text })
  await Article.deleteCached(id) // with everything below its key, after the change is saved
}
