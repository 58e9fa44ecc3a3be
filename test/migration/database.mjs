// What the applications of docs/migration ask for. It remembers what it was asked.
const products = new Map([
  ['1', { id: '1', name: 'Lamp' }],
  ['2', { id: '2', name: 'Chair' }],
])

export const queries = []

export async function findProduct(id) {
  queries.push(`product ${id}`)
  return products.get(id)
}

export async function findProducts(sort = 'id') {
  queries.push(`products by ${sort}`)
  return [...products.values()].toSorted((a, b) => a[sort].localeCompare(b[sort]))
}

export async function findReviews(id) {
  queries.push(`reviews ${id}`)
  return [{ text: `Review of ${products.get(id).name}` }]
}

export async function saveProduct(id, change) {
  products.set(id, { ...products.get(id), ...change })
}
