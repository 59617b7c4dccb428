// Writes numbers as package view writes them on the server.

export function rate(v) {
  if (!Number.isFinite(v)) return '–';
  if (v >= 99950) return (v / 1000).toFixed(0) + 'k';
  if (v >= 9995) return (v / 1000).toFixed(1) + 'k';
  return v >= 10 || v === 0 ? v.toFixed(0) : v.toFixed(1);
}

// Only all is 100 %, and only nothing is 0 %: 99.97 % is written 99.9 %, and
// 0.053 % as it is, with two significant digits.
export function percent(share) {
  const p = share * 100;
  if (!Number.isFinite(p)) return '–';
  if (p > 99 && p < 100) return (Math.floor(p * 10) / 10).toFixed(1) + ' %';
  const size = Math.abs(p);
  if (size === 0 || size >= 1) return p.toFixed(0) + ' %';
  if (size < 0.0001) return 'below 0.0001 %';
  return p.toFixed(1 - Math.floor(Math.log10(size))).replace(/\.?0+$/, '') + ' %';
}

export function millis(ms) {
  if (!(ms > 0)) return '–';
  if (ms >= 10000) return (ms / 1000).toFixed(0) + ' s';
  if (ms >= 1000) return (ms / 1000).toFixed(1) + ' s';
  return ms >= 10 ? ms.toFixed(0) + ' ms' : ms.toFixed(1) + ' ms';
}

export function clock(seconds) {
  const s = Math.floor(seconds);
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

export const words = (name) => name.replaceAll('_', ' ');
