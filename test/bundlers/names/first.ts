import * as user from './user.js'
import * as invoice from './invoice.js'
import { tell } from './tell.js'

await tell({ user, invoice })
