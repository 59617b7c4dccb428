// One event stream for all tabs of a browser. A browser opens six connections
// to a host at most; ten tabs with a stream each would stop each other. So the
// tab that holds a lock has the stream and passes on what comes; when it
// closes, the lock and with it the stream go to the next tab.

const URL = '/api/lab/stream';
const KEPT = 600; // frames a new tab is given: one minute

// connect calls on(kind, data) for every event: state, pulse, frame, dropped,
// and status with 'live', 'waiting' or 'lost'.
export function connect(on) {
  if (!navigator.locks || !window.BroadcastChannel) { // not on plain HTTP from elsewhere
    open((kind, data) => on(kind, data));
    return;
  }
  const channel = new BroadcastChannel('workbench-lab');
  const memory = { state: null, history: [] };
  let leading = false;
  channel.onmessage = ({ data: m }) => {
    if (m.kind === 'hello') {
      if (leading && memory.state) channel.postMessage({ kind: 'state', data: { state: memory.state, history: memory.history }, to: m.from });
      return;
    }
    if (leading || (m.to && m.to !== me)) return;
    on(m.kind, m.data);
  };
  const me = crypto.randomUUID();
  on('status', 'waiting');
  channel.postMessage({ kind: 'hello', from: me });
  navigator.locks.request('workbench-lab', () => {
    leading = true;
    open((kind, data) => {
      remember(memory, kind, data);
      channel.postMessage({ kind, data });
      on(kind, data);
    });
    return new Promise(() => {}); // held until the tab closes
  });
}

function remember(memory, kind, data) {
  if (kind === 'state') {
    if (data.history) memory.history = data.history.slice();
    memory.state = data.state;
  } else if (kind === 'frame') {
    if (memory.history.length && memory.history[0].run !== data.run) memory.history = [];
    memory.history.push(data);
    if (memory.history.length > KEPT) memory.history.shift();
  }
}

function open(on) {
  const source = new EventSource(URL);
  for (const kind of ['state', 'pulse', 'frame', 'dropped']) {
    source.addEventListener(kind, (e) => on(kind, JSON.parse(e.data)));
  }
  source.onopen = () => on('status', 'live');
  source.onerror = () => {
    on('status', 'lost');
    if (source.readyState === EventSource.CLOSED) setTimeout(() => open(on), 2000); // refused; the browser would not try again
  };
}
