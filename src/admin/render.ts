import { join } from 'node:path'
import ejs from 'ejs'
import type { View } from './show/page.js'

const FOLDER = join(import.meta.dirname, '../../views')

/**
 * Renders a view as text. EJS is called directly, with a model and options of our own. So neither the host's view settings nor anything in
 * a request can reach it.
 */
export async function render(view: View, model: object): Promise<string> {
  return ejs.renderFile(join(FOLDER, `${view}.ejs`), model, { cache: true, strict: true, localsName: 'v' })
}
