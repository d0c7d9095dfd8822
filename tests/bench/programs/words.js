// A workload for tests/bench/names: counts, sorts and compresses invented words until the time is up, which takes Node
// from JavaScript through its own C++ into libc and the kernel.
//
// usage: node words.js SECONDS

'use strict';

const fs = require('fs');
const zlib = require('zlib');

const endMs = Date.now() + 1000 * Number(process.argv[2]);
let state = 1;

function nextNumber() {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return state >>> 8;
}

function makeText(words) {
  const text = [];
  for (let i = 0; i < words; ++i) text.push((nextNumber() % 4000).toString(36));
  return text.join(' ');
}

function countWords(text) {
  const counts = new Map();
  for (const word of text.split(' ')) counts.set(word, (counts.get(word) || 0) + 1);
  return counts;
}

function sortByCount(counts) {
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

function store(sorted) {
  const packed = zlib.deflateSync(JSON.stringify(sorted), {level: 1});
  const file = fs.openSync('/dev/null', 'w');
  for (let i = 0; i < 50; ++i) fs.writeSync(file, packed);
  fs.closeSync(file);
  return packed.length;
}

let bytes = 0;
while (Date.now() < endMs) bytes += store(sortByCount(countWords(makeText(20000))));
console.log('bytes=' + bytes);
