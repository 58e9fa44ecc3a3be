import { expect, it } from 'vitest'
import { escapeHtml } from '../../../src/admin/http/escape-html.js'

it('What is written into a page stays text, in elements and in attributes of either quote', () => {
  expect(escapeHtml(`<a b="c" d='e'>&amp;</a>`)).toBe('&lt;a b=&#34;c&#34; d=&#39;e&#39;&gt;&amp;amp;&lt;/a&gt;')
})

it('A number is written as its text, and what is not there as nothing', () => {
  expect([0, undefined, null, ''].map(escapeHtml)).toEqual(['0', '', '', ''])
})
