// Pure functions on links: queries as the service writes them.

// again returns the part of a link that a restart keeps: not what was broken,
// nor the dial.
export function again(link) {
  const q = new URLSearchParams(link);
  for (const name of ['traffic', 'fault', 'down', 'drain']) q.delete(name);
  return String(q);
}

// said tells what became of a link that was asked for.
export function said(state) {
  const left = (state.left_out ?? []).join('; ');
  if (!state.link) return `There is no link: ${left}.`;
  return `Link copied. It holds the scenario, its seed, and all that is set here by hand.${left ? ` Not in it: ${left}.` : ''}`;
}
