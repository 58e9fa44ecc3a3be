const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
}

/** Text as it is written in HTML, within an attribute too. What is not there is empty. */
export function escapeHtml(text: string | number | null | undefined): string {
  return String(text ?? '').replaceAll(/[&<>"']/g, (character) => ENTITIES[character] as string)
}
