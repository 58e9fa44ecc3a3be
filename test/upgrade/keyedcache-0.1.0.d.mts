/** The frozen build: of what is declared there it has what 0.1 had. */
export { createKeyedCache } from '../../src/cache/create-keyed-cache.js'
