import { describe, expect, test } from 'vitest'
import { childPlace, childPrefix, childTowards, endOfGroup, groupOf, joinKeys } from '../../src/keys/key-tree.js'

describe('The tree of keys', () => {
  test('leads from a key to its child on the way to another key', () => {
    expect(childTowards('a::b::c', undefined)).toEqual({ segment: 'a', key: 'a' })
    expect(childTowards('a::b::c', 'a')).toEqual({ segment: 'b', key: 'a::b' })
    expect(childTowards('a::b', 'a')).toEqual({ segment: 'b', key: 'a::b' })
    expect([childPrefix(undefined), childPrefix('a')]).toEqual(['', 'a::'])
  })

  test('lists a child at its own place when it is a key, else at that of the keys below it', () => {
    expect(childPlace({ key: 'a::b', isKey: true })).toBe('a::b')
    expect(childPlace({ key: 'a::b', isKey: false })).toBe('a::b::')
    expect([endOfGroup('a::b::'), endOfGroup('a::b')]).toEqual(['a::b:;', undefined])
  })

  test('counts a key under its first segment, and that of a function under the function', () => {
    expect([groupOf('a::b::c'), groupOf('a')]).toEqual(['a', 'a'])
    expect([groupOf('func::nearestCity::1::2'), groupOf('func::nearestCity'), groupOf('func')]).toEqual([
      'func::nearestCity',
      'func::nearestCity',
      'func',
    ])
  })

  test('joins keys, text being a whole key', () => {
    expect(joinKeys('a', 'b::c')).toBe('a::b::c')
    expect(joinKeys('a', ['b::c'])).toBe('a::b%3A%3Ac')
  })
})
