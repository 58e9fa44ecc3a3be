import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Client } from '../../../../src/stores/redis/connection/client.js'
import { Connection } from '../../../../src/stores/redis/connection/connection.js'

/** Three shards of one server. `refused`: the names to which it answers with an error; `all`: it answers nothing. */
function open(): { connections: Connection[]; asked: string[]; refused: Set<string> } {
  const asked: string[] = []
  const refused = new Set<string>()
  const client = {
    limit: <T>(answer: Promise<T>) => answer,
    bytesReadFrom: () => () => 0,
    run: async (_script: unknown, [name = '']: readonly string[]) => {
      asked.push(name)
      if (refused.has(name) || refused.has('all')) throw new Error('CLUSTERDOWN Hash slot not served')
      return ['1000', '0']
    },
  } as unknown as Client
  const connections = ['a', 'b', 'c'].map(
    (name) =>
      new Connection(
        client,
        [name],
        5000,
        () => {},
        () => {},
      ),
  )
  return { connections, asked, refused }
}

describe('One probe of a server', () => {
  test('counts for all of its shards that are up: they are up, and have its clock', async () => {
    const { connections, asked } = open()
    const [a, b, c] = connections as [Connection, Connection, Connection]
    await Promise.all([a.probe(), b.probe()])
    asked.length = 0
    b.clock.restart()
    await a.probe([b, c])
    expect(asked).toEqual(['a'])
    expect(b.clock.roundTripMs).not.toBeNull()
    // It was not up, so nobody knows that its slot is served.
    expect([a.up, b.up, c.up]).toEqual([true, true, false])
    for (const each of connections) each.close()
  })

  test('where it fails, the others are probed themselves: one slot may be lost, or the server', async () => {
    const { connections, asked, refused } = open()
    const [a, b, c] = connections as [Connection, Connection, Connection]
    await Promise.all(connections.map((each) => each.probe()))
    asked.length = 0
    refused.add('a')
    await a.probe([b, c])
    await nextTurn()
    expect(connections.map(({ up }) => up)).toEqual([false, true, true])
    expect(asked).toEqual(['a', 'b', 'c'])
    refused.add('all')
    await b.probe([c])
    await nextTurn()
    expect(connections.map(({ up }) => up)).toEqual([false, false, false])
    for (const each of connections) each.close()
  })
})
