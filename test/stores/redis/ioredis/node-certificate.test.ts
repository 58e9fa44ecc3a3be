import type { PeerCertificate } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { checkNode } from '../../../../src/stores/redis/ioredis/node-certificate.js'

const URLS = ['rediss://redis.example.com:6379', 'rediss://:secret@Second.example.net', 'rediss://10.0.0.9']

function certificate(subjectaltname: string): PeerCertificate {
  return { subject: { CN: 'ignored.example.com' }, subjectaltname } as PeerCertificate
}

describe('The certificate of a node of a Cluster', () => {
  test.each([
    ['node-1.example.com', 'DNS:node-1.example.com'],
    ['node-1.example.com', 'DNS:*.example.com'],
    ['10.0.0.1', 'IP Address:10.0.0.1'],
    ['10.0.0.1', 'DNS:redis.example.com'],
    ['10.0.0.1', 'DNS:*.example.com, DNS:other.example.org'],
    ['10.0.0.1', 'DNS:second.example.net'],
    ['::1', 'DNS:redis.example.com'],
  ])('at %s is accepted, where it is for %s', (host, names) => {
    expect(checkNode(URLS)(host, certificate(names))).toBeUndefined()
  })

  test.each([
    ['node-1.example.com', 'DNS:redis.example.com'],
    ['node-1.example.com', 'DNS:node-2.example.com'],
    ['10.0.0.1', 'IP Address:10.0.0.2'],
    ['10.0.0.1', 'IP Address:10.0.0.9'],
    ['10.0.0.1', 'DNS:other.example.org'],
    ['10.0.0.1', 'DNS:*.redis.example.com'],
    ['10.0.0.1', 'DNS:10.0.0.9'],
  ])('at %s is refused, where it is for %s', (host, names) => {
    expect(checkNode(URLS)(host, certificate(names))).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })

  test('by addresses alone must be for the address', () => {
    const check = checkNode(['rediss://10.0.0.9:6379', 'rediss://[::1]:6379'])
    expect(check('10.0.0.9', certificate('DNS:redis.example.com'))).toBeInstanceOf(Error)
    expect(check('10.0.0.9', certificate('DNS:[::1]'))).toBeInstanceOf(Error)
    expect(check('10.0.0.9', certificate('IP Address:10.0.0.9'))).toBeUndefined()
  })
})
