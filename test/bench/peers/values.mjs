/** A product whose JSON has that many bytes: one object, or from 1,000 bytes on an object with a list of such objects. */
export function valueOf(bytes) {
  if (bytes < 1000)
    return padded({ id: 1, name: 'Kettle', price: 12.5, tags: ['kitchen', 'steel'], isNew: true, text: '' }, bytes)
  const items = []
  while (JSON.stringify({ id: 1, items, text: '' }).length + 301 <= bytes) items.push(valueOf(300))
  return padded({ id: 1, items, text: '' }, bytes)
}

function padded(value, bytes) {
  return { ...value, text: 'x'.repeat(bytes - JSON.stringify(value).length) }
}
