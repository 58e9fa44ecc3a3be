import { deepStrictEqual } from 'node:assert/strict'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { EntryFormat } from '../../src/values/entry.js'
import { defaultSerializer, type Serializer } from '../../src/values/serializer.js'

const format = new EntryFormat(defaultSerializer)
const meta = {
  expiresAt: 1_900_000_000_123,
  createdAt: 1_800_000_000_456,
  computeMs: 78,
  hasGrace: true,
  tags: [] as string[],
}

const json: Serializer = {
  name: 'json',
  encode: (value) => Buffer.from(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(bytes.toString()) as unknown,
}

/** Gives edited bytes the checksum that makes them read. */
function sign(bytes: Buffer): Buffer {
  const end = bytes.length - 4
  bytes.writeUInt32LE(crc32(bytes.subarray(0, end), crc32(defaultSerializer.name)), end)
  return bytes
}

describe('an entry', () => {
  it('comes back with all that is known of it', () => {
    const entry = format.read(format.encode({ a: [1n] }, { ...meta, tags: ['red', 'žluťoučký 🐎', ''] }))!
    const { payload, isCompressed, ...known } = entry
    expect(isCompressed).toBe(false)
    deepStrictEqual(known, { ...meta, tags: ['red', 'žluťoučký 🐎', ''] })
    deepStrictEqual(payload, Buffer.from(defaultSerializer.encode({ a: [1n] })))
    deepStrictEqual(format.value(entry.payload), { a: [1n] })
  })

  it('has a header of 18 bytes and a checksum of 4', () => {
    expect(format.encode(1, meta)).toHaveLength(18 + 1 + 4)
    expect(format.encode(1, { ...meta, tags: ['ab', 'c'] })).toHaveLength(18 + 2 + (2 + 2) + (2 + 1) + 1 + 4)
  })

  it('is laid out as other versions of this package expect it', () => {
    const bytes = format.encode(1, {
      expiresAt: 0x010203040506,
      createdAt: 0x0a0b0c0d0e0f,
      computeMs: 0x11121314,
      hasGrace: false,
      tags: [],
    })
    expect(bytes.toString('hex')).toBe('e1000102030405060a0b0c0d0e0f111213143180f0e29f')
  })

  it('can live for ever, and can be of unknown cost', () => {
    const entry = format.read(format.encode(null, { ...meta, expiresAt: Infinity, computeMs: undefined }))
    expect(entry).toMatchObject({ expiresAt: Infinity, computeMs: undefined })
  })

  it('keeps times within what the header holds, rounded up so that they stay as far apart', () => {
    const read = (change: object): object => format.read(format.encode(null, { ...meta, ...change }))!
    expect(read({ expiresAt: 1000.01, createdAt: 1000.4, computeMs: 12.6 })).toMatchObject({
      expiresAt: 1001,
      createdAt: 1001,
      computeMs: 13,
    })
    expect(read({ expiresAt: 1e30, computeMs: 1e30 })).toMatchObject({ expiresAt: 2 ** 48 - 2, computeMs: 2 ** 32 - 2 })
    expect(read({ expiresAt: -5, createdAt: -5, computeMs: -5 })).toMatchObject({
      expiresAt: 0,
      createdAt: 0,
      computeMs: 0,
    })
  })

  it('gives a fresh value each time it is asked', () => {
    const entry = format.read(format.encode({ bytes: Buffer.from('abc'), map: new Map() }, meta))!
    const first = format.value(entry.payload) as { bytes: Buffer; map: Map<unknown, unknown> }
    first.bytes.fill(0)
    first.map.set(1, 1)
    deepStrictEqual(format.value(entry.payload), { bytes: Buffer.from('abc'), map: new Map() })
  })

  it('is found inside a larger buffer', () => {
    const bytes = Buffer.concat([Buffer.from('xxx'), format.encode('text', meta)]).subarray(3)
    expect(format.value(format.read(bytes)!.payload)).toBe('text')
  })
})

describe('bytes that do not check read as nothing', () => {
  const bytes = format.encode({ name: 'Ada', born: new Date(0) }, { ...meta, tags: ['people', 'x'] })

  it('with any single bit changed', () => {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      expect(format.read(changed), `bit ${bit}`).toBeUndefined()
    }
  })

  it('with any single byte changed to any other', () => {
    const read = []
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      for (let i = 1; i < 256; i++) {
        changed[at] = (bytes[at]! + i) & 0xff
        if (format.read(changed) !== undefined) read.push([at, i])
      }
    }
    expect(read).toEqual([])
  })

  it('cut off anywhere, and with bytes after the end', () => {
    for (let length = 0; length < bytes.length; length++)
      expect(format.read(bytes.subarray(0, length)), `${length} bytes`).toBeUndefined()
    expect(format.read(Buffer.concat([bytes, Buffer.from([0])]))).toBeUndefined()
  })

  it('written by another serializer', () => {
    const other = new EntryFormat(json)
    expect(format.read(other.encode(1, meta))).toBeUndefined()
    expect(other.read(format.encode(1, meta))).toBeUndefined()
    expect(new EntryFormat({ ...json }).read(other.encode(1, meta))).toBeDefined()
  })

  it('with flags that this version does not know, or tags beyond the end, though the checksum is right', () => {
    const signed = (edit: (copy: Buffer) => void): Buffer => {
      const copy = format.encode('x', { ...meta, tags: ['t'] })
      edit(copy)
      return sign(copy)
    }
    expect(format.read(signed(() => undefined))).toBeDefined()
    expect(format.read(signed((copy) => (copy[1]! |= 0b1000)))).toBeUndefined()
    expect(format.read(signed((copy) => (copy[1]! |= 0b1000_0000)))).toBeUndefined()
    expect(format.read(signed((copy) => copy.writeUInt16BE(0xffff, 18)))).toBeUndefined()
    expect(format.read(signed((copy) => copy.writeUInt16BE(0xffff, 20)))).toBeUndefined()
    // By one byte, which is of the checksum
    expect(format.read(signed((copy) => copy.writeUInt16BE(5, 20)))).toBeUndefined()
    for (let length = 22; length <= 25; length++) {
      const cut = sign(format.encode('x', { ...meta, tags: ['t'] }).subarray(0, length))
      expect(format.read(cut), `${length} bytes`).toBeUndefined()
    }
  })
})

describe('wrong use', () => {
  it('a value that cannot be stored is refused by the name of its path', () => {
    expect(() => format.encode({ a: () => 1 }, meta)).toThrow(
      new TypeError('`value.a` is a function, which cannot be stored'),
    )
  })

  it('a serializer that does not give bytes is named', () => {
    const wrong = new EntryFormat({ ...json, encode: (value) => JSON.stringify(value) as unknown as Buffer })
    expect(() => wrong.encode(1, meta)).toThrow(
      new TypeError("Expected serializer 'json' to encode to a Buffer, got text"),
    )
  })

  it('a tag that is too long is named', () => {
    expect(() => format.encode(1, { ...meta, tags: ['a', 'x'.repeat(65_536)] })).toThrow(/`tags\[1\]`.*65536/)
    expect(() => format.encode(1, { ...meta, tags: Array.from({ length: 65_536 }, String) })).toThrow(/`tags`.*65536/)
  })
})
