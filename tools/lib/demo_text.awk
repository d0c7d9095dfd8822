# Prints `bytes` bytes of text in a made-up language, always the same: something that gzip has work
# with, for tools/demo.
function next_random(below) {
  seed = (seed * 16807) % 2147483647
  return seed % below
}
BEGIN {
  seed = 20260101
  syllables = split("ta ri no ke lu mo sa ve di po an el or um ith", syllable, " ")
  for (w = 0; w < 4000; w++) {
    word = ""
    for (s = 1 + next_random(4); s > 0; s--) word = word syllable[1 + next_random(syllables)]
    words[w] = word
  }
  for (written = 0; written < bytes; written += length(line) + 1) {
    line = words[next_random(4000)]
    for (w = 0; w < 11; w++) line = line " " words[next_random(4000)]
    print line
  }
}
