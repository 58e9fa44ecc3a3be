// What the blocks of code in the documents take for granted: the application that they are a part of.
import express, { type Express } from 'express'
import { createKeyedCache, keyedcache, type KeyedCache } from 'keyedcache'

interface Product {
  id: number
  name: string
}

const product: Product = { id: 123, name: 'Product 123' }

const application = {
  app: express(),
  cache: createKeyedCache(),
  compute: async (day: string, _signal: AbortSignal) => ({ day, sold: 3 }),
  day: '2026-11-30',
  findPrice: async (name: string, currency: string) => ({ name, currency, price: 5 }),
  findProducts: async (ids: number[]) => ids.map((id) => ({ ...product, id })),
  first: product,
  html: '<p>',
  ids: [1, 2],
  loadProduct: async (id: number) => ({ ...product, id }),
  loadPrices: async () => [{ id: 123, price: 5 }],
  product,
  search: async (lat: number, lon: number) => ({ lat, lon, name: 'Praha' }),
  second: product,
}

application.app.use(keyedcache())
Object.assign(globalThis, application)

declare global {
  var app: Express
  var cache: KeyedCache
  var compute: typeof application.compute
  var day: string
  var findPrice: typeof application.findPrice
  var findProducts: typeof application.findProducts
  var first: Product
  var html: string
  var ids: number[]
  var loadPrices: typeof application.loadPrices
  var loadProduct: typeof application.loadProduct
  var product: Product
  var search: typeof application.search
  var second: Product
}
