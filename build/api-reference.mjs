// Makes docs/api.md of what src/index.ts exports: the signature of each symbol and of its members, and their doc comments. Fails where a
// symbol or a member has none, and with --check where the page is not what it would make.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'rolldown/utils'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGE = join(ROOT, 'docs/api.md')

const INTRODUCTION = `# API reference

Every function, class and type that \`keyedcache\` exports, with what it takes, gives and throws. The [guide](guide.md) explains how to use them. This page is made from the comments in the code, which your editor shows too.

Methods and functions that return a promise never throw, they reject. Wrong use is a \`TypeError\` that names what was given. Durations are a [\`Ttl\`](#ttl): seconds as a number, or text with a unit. What ends in \`Ms\` is in milliseconds.`

/** What the comment of a function or method has. */
const SAYS_WHAT_IT_THROWS = /@throws|\b(?:throws?|rejects?)\b/i

/** What is described here only so that any copy of ioredis fits; ioredis says what the members are. */
const OF_IOREDIS = ['RedisClient', 'RedisClientOptions']

const undocumented = []
const sources = new Map()
const anchors = new Map()

const symbols = publicSymbols()
for (const { name } of chaptersOf(symbols).flatMap(({ members }) => members)) anchors.set(name, anchorOf(name))
const page = formatted(`${[INTRODUCTION, ...chaptersOf(symbols).flatMap(chapterText)].join('\n\n')}\n`)
if (!process.argv.includes('--check')) writeFileSync(PAGE, page)
else if (readFileSync(PAGE, 'utf8') !== page) fail('docs/api.md is not what `npm run docs:api` makes of the code now.')
if (undocumented.length > 0) {
  fail(`These have no doc comment, or are called and do not say what they throw:\n${undocumented.join('\n')}`)
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`)
  process.exitCode = 1
}

function formatted(markdown) {
  return execFileSync('npx', ['oxfmt', '--stdin-filepath', 'docs/api.md'], {
    cwd: ROOT,
    input: markdown,
    encoding: 'utf8',
  })
}

/** The name, declarations and source of each symbol that the package exports. */
function publicSymbols() {
  return exportsOf(sourceOf(join(ROOT, 'src/index.ts'))).map(({ name, from }) => declared(name, from))
}

function sourceOf(file) {
  if (!sources.has(file)) {
    const text = readFileSync(file, 'utf8')
    const { program, comments } = parseSync(file, text)
    sources.set(file, { file, text, body: program.body, comments })
  }
  return sources.get(file)
}

/** What a file passes on from others, by the name it has there. */
function exportsOf({ file, body }) {
  return body
    .filter(({ type, source }) => type === 'ExportNamedDeclaration' && source)
    .flatMap(({ source, specifiers }) =>
      specifiers.map(({ local, exported }) => ({
        name: exported.name,
        local: local.name,
        from: join(dirname(file), source.value.replace(/\.js$/, '.ts')),
      })),
    )
}

function declared(name, file) {
  const source = sourceOf(file)
  const nodes = source.body.filter(
    ({ type, declaration }) => type === 'ExportNamedDeclaration' && declaration && nameOf(declaration) === name,
  )
  if (nodes.length > 0) return { name, source, nodes }
  const passed = exportsOf(source).find((each) => each.name === name)
  if (passed === undefined) throw new Error(`${file} does not export ${name}`)
  return declared(passed.local, passed.from)
}

function nameOf({ id, declarations }) {
  return (id ?? declarations?.[0]?.id)?.name
}

function chaptersOf(all) {
  const isOf =
    (...types) =>
    ({ nodes: [{ declaration }] }) =>
      types.includes(declaration.type)
  const isFunction = isOf('FunctionDeclaration', 'TSDeclareFunction', 'VariableDeclaration')
  const isClass = isOf('ClassDeclaration')
  return [
    { title: 'Functions', members: all.filter(isFunction) },
    { title: 'Types', members: all.filter((each) => !isFunction(each) && !isClass(each)) },
    { title: 'Errors', members: all.filter(isClass) },
  ]
}

function chapterText({ title, members }) {
  const links = members.map(({ name }) => `[${name}](#${anchors.get(name)})`)
  return [`## ${title}`, links.join(' · '), ...members.flatMap(symbolText)]
}

/** What GitHub calls the heading: the second one of the same letters has a number. */
function anchorOf(name) {
  const anchor = name.toLowerCase()
  const earlier = [...anchors.keys()].filter((each) => each.toLowerCase() === anchor).length
  return earlier === 0 ? anchor : `${anchor}-${earlier}`
}

function symbolText({ name, source, nodes }) {
  const signatures = nodes.filter(
    ({ declaration }) => nodes.length === 1 || !declaration.body || membersOf(declaration),
  )
  const [{ declaration }] = nodes
  const members = membersOf(declaration) ?? []
  return [
    `### ${name}`,
    commentBefore(nodes[0], source, name),
    `\`\`\`ts\n${signatures.map((node) => signatureOf(node.declaration, source)).join('\n')}\n\`\`\``,
    ...listed(members, source, name, ''),
  ].filter(Boolean)
}

/** The public members of an interface, a class or an object type. */
function membersOf(node) {
  const members =
    node.body?.type === 'TSInterfaceBody' || node.body?.type === 'ClassBody'
      ? node.body.body
      : objectIn(node.typeAnnotation)
  return members?.filter(
    ({ type, kind, key, accessibility }) =>
      type !== 'StaticBlock' &&
      kind !== 'constructor' &&
      key?.type !== 'PrivateIdentifier' &&
      accessibility !== 'private',
  )
}

/** The members of an object type, also of one among others that are combined, or in a list. */
function objectIn(type) {
  switch (type?.type) {
    case 'TSTypeAnnotation':
      return objectIn(type.typeAnnotation)
    case 'TSTypeLiteral':
      return type.members
    case 'TSArrayType':
      return objectIn(type.elementType)
    case 'TSIntersectionType':
      return type.types.map(objectIn).find(Boolean)
  }
}

function listed(members, source, owner, indent) {
  const lines = groupedByName(members, source).map(({ name, nodes }) => {
    const full = `${owner}.${name}`
    const [first] = nodes
    const text = commentBefore(first, source, indent === '' ? full : undefined)
    const code = nodes.map((node) => `\`${signatureOf(node, source)}\``).join(`<br>`)
    const inner = first.type === 'TSPropertySignature' ? (objectIn(first.typeAnnotation) ?? []) : []
    const more = inner.some((each) => rawComment(each, source)) ? listed(inner, source, full, `${indent}  `) : []
    return [`${indent}- ${code}${text === '' ? '' : `: ${text.replaceAll('\n', ' ')}`}`, ...more].join('\n')
  })
  return lines.length === 0 ? [] : [lines.join('\n')]
}

/** Overloads of one name are told together. */
function groupedByName(members, { text }) {
  const groups = new Map()
  for (const node of members) {
    const { key } = node
    const name = key?.name ?? text.slice((key ?? node).start, (key ?? node).end)
    groups.set(name, [...(groups.get(name) ?? []), node])
  }
  return [...groups].map(([name, nodes]) => ({ name, nodes }))
}

/** The declaration without its body, value and comments, in one line where it is a member. */
function signatureOf(node, source) {
  const { start, end } = node
  const declarator = node.declarations?.[0]
  const members = node.type === 'TSInterfaceDeclaration' || node.type === 'ClassDeclaration'
  const until =
    declarator?.init?.start ?? (members ? node.body.start : node.type === 'FunctionDeclaration' ? node.body.start : end)
  const code = withoutComments(start, until, source)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/([([]) | ([)\]])/g, '$1$2')
    .replaceAll(/,([)}\]>])/g, '$1')
    .replace(/ ?[=;]? *$/, '')
    .replace(/^async /, '')
  return code.replaceAll(' | undefined', (found, at) => (isOptional(code, at) ? '' : found))
}

/** Whether this place is in the type of what has a question mark, where `undefined` goes without saying. */
function isOptional(code, at) {
  return /\?: [^,;]*$/.test(code.slice(0, at))
}

function withoutComments(start, end, { text, comments }) {
  let code = ''
  let at = start
  for (const comment of comments.filter((each) => each.start >= start && each.end <= end)) {
    code += text.slice(at, comment.start)
    at = comment.end
  }
  return code + text.slice(at, end)
}

function withoutLineComments(code) {
  return code.replaceAll(/\/\/.*/g, '')
}

function rawComment(node, { text, comments }) {
  return comments.find(
    ({ type, value, end }) =>
      type === 'Block' &&
      value.startsWith('*') &&
      end <= node.start &&
      withoutLineComments(text.slice(end, node.start)).trim() === '',
  )?.value
}

function isCall(node, source) {
  const { type, kind } = node.declaration ?? node
  if (kind === 'get') return false
  return (
    /Method|Function/.test(type) ||
    (type === 'VariableDeclaration' && source.text.slice(node.start, node.end).includes('=>'))
  )
}

/** The doc comment of a node as Markdown. One of which `name` is given must have one, which says what a call throws. */
function commentBefore(node, source, name) {
  const comment = rawComment(node, source) ?? ''
  const isExempt = name === undefined || OF_IOREDIS.includes(name.split('.')[0])
  const isTold = isCall(node, source) ? SAYS_WHAT_IT_THROWS.test(comment) : comment !== ''
  if (!isExempt && !isTold) undocumented.push(`${name} (${source.file.slice(ROOT.length)})`)
  return comment
    .replace(/^\*/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .join(' ')
    .trim()
    .replaceAll(/\{@link (\w+)\}/g, '`$1`')
    .replaceAll(/ ?@throws \{(\w+)\} /g, ' Throws `$1` ')
    .replaceAll(/ ?@defaultValue ([^.@]+)\.?/g, ' Default: $1.')
    .replaceAll(/\s+/g, ' ')
    .trim()
}
