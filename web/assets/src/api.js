// One request to the lab. It returns the state that holds after it, or throws
// an Error with the problem's detail as message, its fields as errors and the
// answer's status.
export async function send(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body ?? {}) });
  } catch {
    throw Object.assign(new Error('The workbench does not answer. Is it still running?'), { errors: [] });
  }
  const data = await answer.json();
  if (answer.ok) return data;
  if (answer.status === 401) data.detail = 'This page’s session has ended. Reload the page.';
  throw Object.assign(new Error(data.detail), { errors: data.errors ?? [], status: answer.status });
}
