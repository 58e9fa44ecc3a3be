import * as invoice from './invoice.js'
import * as user from './user.js'
import { tell } from './tell.js'

// Another deploy, in which a bundler meets the same in another order.
await tell({ invoice, user })
