/** Rows whose promise is not a time: their tests hold it, or fail. */
export const PROMISES = [
  {
    number: '21, 22',
    fault:
      'copies near: changed while they are read; the connection that tells of changes is cut in the midst of writes',
    promise: '0 old values once the connection is back',
    file: 'test/cache/reading/near-tier.test.ts',
  },
  {
    number: '30',
    fault: 'the index is evicted, or names in it are dead',
    promise: 'a delete with children, a list and a count miss no key',
    file: 'test/stores/redis/shards/lost-index.test.ts',
  },
  {
    number: '31',
    fault: '100,000 pairs of odd keys',
    promise: '0 collisions',
    file: 'test/keys/key-properties.test.ts',
  },
  {
    number: '31',
    fault: 'deletes with children below odd keys',
    promise: '0 keys too many, 0 too few',
    file: 'test/cache/writing/prefix-delete-properties.test.ts',
  },
  {
    number: '34',
    fault: 'values of every kind',
    promise: 'what is stored comes back equal',
    file: 'test/values/serializer-properties.test.ts',
  },
  {
    number: '39',
    fault: 'callers leave while they wait',
    promise: 'the computation goes on for the others',
    file: 'test/cache/computing/single-flight.test.ts',
  },
  {
    number: '38, 40',
    fault: 'values are changed by who got them, in 1,000 requests at once',
    promise: '0 seen by another request',
    file: 'test/request/request-cache.test.ts',
  },
  {
    number: '40',
    fault: '100,000 requests',
    promise: 'the heap grows by less than 5 MB',
    file: 'test/request/request-memory.test.ts',
  },
]
