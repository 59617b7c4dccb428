// The difference of two texts by lines: [sign, line] with ' ', '-' or '+'. The
// longest common part is found by the table of its lengths, after what both
// begin and end with is set aside; answers to exercises are short.
export function diff(before, after) {
  const [a, b] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const [x, y] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  const long = Array.from({ length: x.length + 1 }, () => new Uint16Array(y.length + 1));
  for (let i = x.length - 1; i >= 0; i--) for (let j = y.length - 1; j >= 0; j--) long[i][j] = x[i] === y[j] ? long[i + 1][j + 1] + 1 : Math.max(long[i + 1][j], long[i][j + 1]);
  const out = a.slice(0, start).map((l) => [' ', l]);
  let [i, j] = [0, 0];
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) { out.push([' ', x[i]]); i++; j++; }
    else if (i < x.length && (j >= y.length || long[i + 1][j] >= long[i][j + 1])) out.push(['-', x[i++]]);
    else out.push(['+', y[j++]]);
  }
  return out.concat(a.slice(a.length - end).map((l) => [' ', l]));
}

// places finds "file.go:12" in a message: [{file, line}].
export function places(message, files) {
  return [...String(message).matchAll(/([\w-]+\.go):(\d+)/g)].map((m) => ({ file: m[1], line: Number(m[2]) })).filter((p) => files.includes(p.file));
}
