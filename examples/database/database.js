import { DatabaseSync } from 'node:sqlite'

/**
 * One file for all processes. Node's own SQLite, from 22.13 on, needs no package to be built; with better-sqlite3 the statements
 * are the same.
 */
export const database = new DatabaseSync(process.env.DATABASE ?? 'stock.db')
database.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA busy_timeout = 5000;
  CREATE TABLE IF NOT EXISTS product (
    id INTEGER PRIMARY KEY,
    category TEXT NOT NULL,
    name TEXT NOT NULL,
    stock INTEGER NOT NULL CHECK (stock >= 0)
  );
  INSERT OR IGNORE INTO product VALUES (1, 'tea', 'Teapot', 3), (2, 'tea', 'Cup', 10), (3, 'coffee', 'Mill', 5);
`)

/** Does it all or, where it throws, nothing. When it returns, all has committed. */
export function transaction(work) {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}
