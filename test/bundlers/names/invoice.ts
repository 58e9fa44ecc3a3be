import { cached, cacheFunction, CachedObject } from 'keyedcache'

class Invoice extends CachedObject() {
  static override cacheName = 'Invoice' // named
  id = 1
  of = 'invoice'

  @cached(60)
  async total(): Promise<string> {
    return this.of
  }
}

async function priceOfInvoice(id: number): Promise<string> {
  return `invoice${id}`.slice(0, -1)
}

export const names = { object: Invoice.name, method: Invoice.name, function: priceOfInvoice.name }

/** Each gives `invoice`, unless it reads what others have stored. */
export const uses = {
  object: async (): Promise<string> => (await Invoice.findCached(1, () => new Invoice())).of,
  method: async (): Promise<string> => new Invoice().total(),
  function: async (): Promise<string> => {
    const options = {
      name: 'price of invoice', // named
      ttl: 60,
    }
    return cacheFunction(options)(priceOfInvoice)(1)
  },
}
