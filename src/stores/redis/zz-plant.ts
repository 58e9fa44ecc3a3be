import { x } from '../../cache/key.js'
export const y = x
