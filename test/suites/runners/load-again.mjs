let times = 0

export const loadAgain = () => import(`./shop.js?${times++}`)
