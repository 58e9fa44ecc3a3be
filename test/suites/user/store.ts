const redis = process.env['REDIS_URL']

/** Where the tests keep values. A busy machine answers late, so Redis has more time than it needs. */
export const store = redis === undefined ? {} : { redis, keyPrefix: 'suite', redisTimeout: '5s' }
export const hasRedis = redis !== undefined
