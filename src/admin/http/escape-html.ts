const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
}

/** A value as HTML that shows its text, in an element or a quoted attribute. `null` and `undefined` show nothing. */
export function escapeHtml(value: string | number | null | undefined): string {
  if (value === undefined || value === null) return ''
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}
