const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu
// The zero-width joiner joins emoji and letters. At the start or end of a text it is shown like the others.
const JOINER = '\u200d'

/** Makes the invisible characters of a text visible: `␀`, `⏎`, `⟨U+202E⟩`. No control character is left. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character, index: number) => {
    if (character === '\n') return '⏎'
    if (character === JOINER && index > 0 && index < text.length - 1) return character
    const code = character.codePointAt(0) ?? 0
    if (code < 0x20) return String.fromCodePoint(0x2400 + code)
    if (code === 0x7f) return '␡'
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`
  })
}
