import type { EntryCodec, KnownValue } from '../../values/entry-codec.js'

/** A copy of the stale value, made on first use. The factory gets no access to the value itself, because callers are served that one. */
export function staleCopy({ value }: KnownValue, codec: EntryCodec): { readonly value: unknown } {
  let copy: { value: unknown } | undefined
  return {
    get value() {
      copy ??= { value: codec.copy(value) }
      return copy.value
    },
  }
}
