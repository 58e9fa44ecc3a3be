import { expect, it } from 'vitest'
import { escapeHtml } from '../../src/admin/escape-html.js'

it('writes text so that HTML has it as text, in an attribute of either quotes too', () => {
  expect(escapeHtml(`<a href="x" title='y'>&amp;</a>`)).toBe(
    '&lt;a href=&#34;x&#34; title=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;',
  )
})

it('writes numbers, and nothing for what is not there', () => {
  expect([0, '', null, undefined].map((text) => escapeHtml(text))).toEqual(['0', '', '', ''])
})
