import { cached, cacheFunction, CachedObject } from 'keyedcache'

class User extends CachedObject() {
  static override cacheName = 'User' // named
  id = 1
  of = 'user'

  @cached(60)
  async total(): Promise<string> {
    return this.of
  }
}

async function priceOfUser(id: number): Promise<string> {
  return `user${id}`.slice(0, -1)
}

export const names = { object: User.name, method: User.name, function: priceOfUser.name }

/** Each gives `user`, unless it reads what others have stored. */
export const uses = {
  object: async (): Promise<string> => (await User.findCached(1, () => new User())).of,
  method: async (): Promise<string> => new User().total(),
  function: async (): Promise<string> => {
    const options = {
      name: 'price of user', // named
      ttl: 60,
    }
    return cacheFunction(options)(priceOfUser)(1)
  },
}
