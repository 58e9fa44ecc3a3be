const SIXTEEN = '18 5x dj 3r d2 pv uh iy ly h9 uv q6 9s 5f dt ha'
const SIXTY_FOUR =
  'mm 6q 9i e8 29 21 ap ax 0j kv dn df 3g o6 gc xw 8g d6 lc 02 g3 4c on 4r 99 91 1d m5 fm yy 2i iu ' +
  '7a k0 ce 8y 4l op x9 x1 jf 1z zj b3 ik 2w yg fs bk 9w 6o ms af an 5b i3 c5 dp kh 0t xi xa he 44'

/**
 * The hash tags of the shards. The names of each shard hold its tag, so that Redis Cluster keeps them in one slot. All slots are divided
 * into one range for each tag, and the slot of the tag is in its middle. So masters that share the slots evenly also share the shards
 * evenly.
 */
export function hashTags(shards: number): readonly string[] {
  if (shards === 1) return ['']
  return (shards === 64 ? SIXTY_FOUR : SIXTEEN).split(' ').map((tag) => `{${tag}}`)
}
