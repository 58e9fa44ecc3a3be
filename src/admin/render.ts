import type { View } from './show/page.js'

/**
 * Renders a view as text. EJS has compiled it when the package was built, so neither the host's view settings nor anything in a request
 * can reach EJS, which only escapes. Views and EJS are loaded when the first view is rendered.
 */
export async function render(view: View, model: object): Promise<string> {
  const [{ views }, { default: ejs }] = await Promise.all([import('./dashboard-files.js'), import('ejs')])
  const fill = (name: string, locals: object): string => {
    const compiled = views[name]
    if (!compiled) throw new Error(`There is no view ${name}`)
    // As EJS does: what a view asks for is looked up in the model alone, never in Object.prototype.
    const v: object = Object.assign(Object.create(null), locals)
    return compiled(v, ejs.escapeXML, (other, more) => fill(other, { ...v, ...more }))
  }
  return fill(view, model)
}
