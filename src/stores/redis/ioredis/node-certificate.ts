import { isIP } from 'node:net'
import { checkServerIdentity, type ConnectionOptions } from 'node:tls'

/**
 * How the certificate of a Cluster's node is checked. A node that the Cluster announces by a name must have a certificate for this name.
 * One that is announced by its address may instead have one for any name in the URLs, because most certificates hold no addresses.
 */
export function checkNode(urls: readonly string[]): NonNullable<ConnectionOptions['checkServerIdentity']> {
  const hosts = urls.map((url) => new URL(url).hostname)
  const names = hosts.filter((host) => isIP(host) === 0 && !host.startsWith('['))
  return (host, certificate) => {
    const error = checkServerIdentity(host, certificate)
    const isNamed = (name: string): boolean => checkServerIdentity(name, certificate) === undefined
    return isIP(host) !== 0 && names.some(isNamed) ? undefined : error
  }
}
