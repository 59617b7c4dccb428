// Keeps a page about the service's signals up to date: new lines of the log,
// and figures by their names. Without it the page is whole, as of its loading.

const cell = (text, name) => {
  const td = document.createElement("td");
  if (name) td.className = name;
  td.textContent = text;
  return td;
};

function row(l) {
  const tr = document.createElement("tr");
  const level = cell("");
  const why = document.createElement("span");
  why.className = "why " + l.level;
  why.textContent = l.level;
  level.append(why);
  const line = cell(l.text + " ");
  const what = document.createElement("span");
  what.className = "dim";
  what.textContent = l.what;
  line.append(what);
  const trace = cell("");
  if (l.trace) {
    const a = document.createElement("a");
    a.className = "mono";
    a.href = "/traces/" + encodeURIComponent(l.trace);
    a.textContent = l.trace.slice(-8);
    a.title = l.trace;
    trace.append(a);
  }
  tr.append(cell(l.time, "mono"), level, cell(l.instance), line, cell(l.took, "num mono"), trace);
  return tr;
}

const most = 300;

function logs(root) {
  const body = root.querySelector("[data-lines]");
  const box = root.querySelector("[data-follow]");
  const state = root.querySelector("[data-tail-state]");
  root.querySelector("[data-tail]").hidden = false;
  let source = null;
  let waiting = [];
  const draw = () => {
    if (waiting.length) {
      body.prepend(...waiting.reverse().slice(0, most).map(row));
      while (body.rows.length > most) body.deleteRow(-1);
      waiting = [];
    }
  };
  setInterval(draw, 500);
  box.addEventListener("change", () => {
    source?.close();
    source = null;
    state.textContent = "";
    if (!box.checked) return;
    source = new EventSource(root.dataset.logs);
    source.onopen = () => (state.textContent = "following");
    source.onerror = () => (state.textContent = "the connection broke; trying again");
    source.addEventListener("line", (e) => {
      waiting.push(JSON.parse(e.data));
      if (waiting.length > most) waiting.shift();
    });
  });
}

// figures sets texts and attributes by name: "name" or "name@attribute".
function figures(root) {
  const known = new Map();
  for (const el of root.querySelectorAll("[data-f]")) known.set(el.dataset.f, el);
  const source = new EventSource(root.dataset.figures);
  source.addEventListener("figures", (e) => {
    const all = JSON.parse(e.data);
    for (const name in all) {
      const [id, attribute] = name.split("@");
      const el = known.get(id);
      if (!el) continue;
      if (attribute) el.setAttribute(attribute, all[name]);
      else if (el.textContent !== all[name]) el.textContent = all[name];
    }
    if (all.reload) location.reload(); // what the page consists of has changed
  });
}

for (const root of document.querySelectorAll("[data-logs]")) logs(root);
for (const root of document.querySelectorAll("[data-figures]")) figures(root);
