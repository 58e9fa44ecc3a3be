/** What to say where a name may be that of a bundler. */
export const MAY_BE_BUNDLED = 'a bundler may have changed it (esbuild keeps names with `--keep-names`)'

/** What happens where a class has such a name. */
export const MAY_BE_READ: string = `as minifiers call classes: ${MAY_BE_BUNDLED}, and after the next build another class may have that name and read what this one stored`

/** Whether a name is such as bundlers make when they minify: one or two letters. */
export function isMinified(name: string): boolean {
  return name.length <= 2
}
