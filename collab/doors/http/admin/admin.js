// The admin page: one stream of what there is, drawn as it comes; nothing here is trusted as HTML.
const $ = (id) => document.getElementById(id);
const base = location.pathname.replace(/\/+$/, '');
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const trail = {};
let latest = null;

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'onclick') node.onclick = value;
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

function bytes(count) {
  if (count === null || count === undefined) return '–';
  for (const unit of ['B', 'KB', 'MB', 'GB']) {
    if (count < 1000) return `${count < 10 && unit !== 'B' ? count.toFixed(1) : Math.round(count)} ${unit}`;
    count /= 1000;
  }
  return `${count.toFixed(1)} TB`;
}

function span(seconds) {
  if (seconds < 0.001) return '0';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 90) return `${number.format(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`;
}

function line(name, value) {
  const points = (trail[name] ??= []);
  points.push(value);
  if (points.length > 60) points.shift();
  const most = Math.max(...points, 1);
  const path = points.map((at, x) => `${x ? 'L' : 'M'}${((60 - points.length + x) / 59) * 100} ${21 - (at / most) * 19}`).join('');
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 100 22');
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const drawn = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  drawn.setAttribute('d', path);
  svg.append(drawn);
  return svg;
}

function tile(label, shown, value, tone = '') {
  return el('div', { class: `tile ${tone}` }, el('b', {}, shown), el('span', {}, label), line(label, value));
}

function facts(id, rows) {
  $(id).replaceChildren(...rows.flatMap(([name, value, tone]) => [el('dt', {}, name), el('dd', { class: tone || null }, value)]));
}

/** Nothing is replaced under somebody's fingers: a click ends on the button on which it began, or is none. */
function isHeld(body) {
  return body.matches(':has(button:focus-visible, button:active)');
}

function fill(id, rows, columns, empty) {
  const body = $(id).tBodies[0];
  if (isHeld(body) && rows.length) return;
  body.replaceChildren(...(rows.length ? rows : [el('tr', {}, el('td', { class: 'empty', colspan: columns }, empty))]));
}

function documentRow(row) {
  const state = row.behind ? el('span', { class: 'tag warn' }, `${row.behind} slow`)
    : row.unsaved && row.unsaved_for > 1 ? el('span', { class: 'tag bad' }, `${row.unsaved} unsaved`)
    : el('span', { class: 'tag good' }, 'saved');
  const act = (action, word) => el('button', { type: 'button', onclick: () => act_on(action, row.name) }, word);
  const last = row.sessions ? act('compact', 'Compact') : act('unload', 'Unload');
  return el('tr', {},
    el('td', { class: 'name', title: row.name }, row.name), el('td', { class: 'n' }, String(row.sessions)),
    el('td', { class: 'n' }, number.format(row.edits)), el('td', { class: 'n small' }, bytes(row.size)),
    el('td', { class: 'n small' }, number.format(row.log)), el('td', { class: 'small' }, state), el('td', {}, last));
}

function personRow(row) {
  const dot = el('i', { class: 'dot' });
  if (/^(#[0-9a-f]{3,8}|[a-z]+|(rgb|hsl)a?\([\d\s.,%/]+\))$/i.test(row.color)) dot.style.background = row.color;
  const tone = row.state === 'behind' ? 'warn' : row.state === 'live' ? 'good' : '';
  return el('tr', {},
    el('td', { class: 'name', title: row.participant ?? row.name }, dot, row.name),
    el('td', { class: 'name', title: row.document }, row.document),
    el('td', { class: 'small' }, row.role), el('td', { class: 'small' }, `${row.door}${row.transport === 'polling' ? ', polling' : ''}`),
    el('td', {}, el('span', { class: `tag ${tone}` }, row.state === 'behind' ? 'slow' : row.state)),
    el('td', { class: 'n small' }, row.waiting ? bytes(row.waiting) : '0'), el('td', { class: 'n small' }, span(row.seconds)),
    el('td', {}, el('button', { type: 'button', class: 'danger', onclick: () => disconnect(row) }, 'Disconnect')));
}

function largestRow(row, most) {
  const bar = el('i', {});
  bar.style.width = `${(row.size / most) * 100}%`;
  return el('li', {}, el('span', { class: 'name', title: row.name }, row.name), el('span', { class: 'bar-of' }, bar), el('b', {}, bytes(row.size)));
}

function trashRow(row) {
  return el('tr', {}, el('td', { class: 'name', title: row.name }, row.name), el('td', { class: 'n small' }, bytes(row.size)),
    el('td', { class: 'n' }, `${span(row.ago)} ago`),
    el('td', {}, el('button', { type: 'button', onclick: () => act_on('undelete', row.name) }, 'Restore')));
}

function webhookRow(row) {
  const { answer } = row;
  const act = (action, word) => el('button', { type: 'button', onclick: () => act_on(action, undefined, undefined, row.id) }, word);
  const off = row.disabled !== null;
  const state = off ? el('span', { class: 'tag bad', title: `It answered 410, and is told nothing since ${span(row.disabled)}.` }, 'disabled')
    : answer && !answer.ok ? el('span', { class: 'tag warn', title: answer.words }, 'failing')
    : el('span', { class: 'tag good' }, 'on');
  const told = `${row.events.length ? row.events.join(', ') : 'everything'}${row.documents.includes('*') ? '' : ` in ${row.documents.join(', ')}`}`;
  const again = off ? act('webhook-retry', 'Enable') : row.failed || row.waiting && answer && !answer.ok ? act('webhook-retry', 'Resend') : '';
  return el('tr', {},
    el('td', { class: 'name', title: `${row.url} (${row.id})` }, row.url), el('td', { class: 'name small', title: told }, told),
    el('td', { class: 'n' }, number.format(row.waiting), row.waiting ? el('span', { class: 'quiet small' }, ` for ${span(row.oldest)}`) : null),
    el('td', { class: 'n small' }, number.format(row.failed)),
    el('td', { class: 'small answer', title: answer ? answer.words : null }, answer ? `${answer.words}, ${span(answer.ago)} ago` : 'none of this node'),
    el('td', {}, state), el('td', { class: 'acts' }, again, act('webhook-test', 'Test')));
}

function recentRow({ at, level, event, fields }) {
  const more = Object.entries(fields).map(([key, value]) => `${key}=${value}`).join('  ');
  const time = new Date(at * 1000);
  return el('li', { class: level }, el('time', { datetime: time.toISOString() }, time.toLocaleTimeString('en', { hour12: false })),
    el('div', {}, el('b', {}, event), el('code', {}, more)));
}

function draw(now) {
  latest = now;
  const { about, rates, process, store, cluster, workers } = now;
  $('about').textContent = [about.node, `version ${about.version}`, `${about.store} store`, `auth ${about.auth}`, `up ${span(about.uptime)}`]
    .filter(Boolean).join(' · ');
  show(about.draining ? 'draining' : 'live');
  $('concerns').replaceChildren(...now.concerns.map((words) => el('li', {}, words)));
  $('tiles').replaceChildren(
    tile('people', number.format(now.now.sessions), now.now.sessions),
    tile('documents', number.format(now.now.documents), now.now.documents),
    tile('edits / s', number.format(rates.edits), rates.edits),
    tile('messages / s', number.format(rates.messages), rates.messages),
    tile('bytes / s', bytes(rates.bytes), rates.bytes),
    tile('slow readers', String(now.now.behind), now.now.behind, now.now.behind ? 'warn' : ''),
    tile('oldest unsaved', span(now.now.unsaved_oldest), now.now.unsaved_oldest, now.now.unsaved_oldest > 2 ? 'bad' : ''),
    tile('loop late by', span(process.lag), process.lag * 1000, process.lag > 0.1 ? 'warn' : ''),
  );
  const wanted = $('find').value.trim().toLowerCase();
  const fits = (...words) => words.some((word) => word?.toLowerCase().includes(wanted));
  const documents = now.documents.filter((row) => fits(row.name));
  const people = now.people.filter((row) => fits(row.name, row.document, row.participant));
  $('documents-count').textContent = `${documents.length} of ${now.now.documents}`;
  $('people-count').textContent = `${people.length} of ${now.now.sessions}`;
  fill('documents', documents.map(documentRow), 7, wanted ? 'None of this name is among the busiest.' : 'Nobody has a document open.');
  fill('people', people.map(personRow), 8, wanted ? 'Nobody of this name.' : 'Nobody is here.');
  facts('store', [
    ['Kind', about.store], ['Size', bytes(store.bytes)], ['Room left', store.free === null ? 'unknown' : bytes(store.free), store.free !== null && store.free < 1e9 ? 'warn' : ''],
    ['Unsaved', `${number.format(now.now.unsaved)} edits, ${bytes(now.now.unsaved_bytes)}`, now.now.unsaved_oldest > 2 ? 'bad' : ''],
    ['Commits', `${number.format(store.commits)}${store.commit_mean === null ? '' : `, ${number.format(store.commit_mean * 1000)} ms each`}`],
    ['Failures', number.format(store.errors), store.errors ? 'bad' : ''],
    ['Compactions that failed', number.format(store.compactions_failed), store.compactions_failed ? 'warn' : ''],
    ['In quarantine', String(now.quarantine.length), now.quarantine.length ? 'bad' : ''],
  ]);
  facts('process', [
    ['Memory', bytes(process.memory)],
    ...(process.memory_limit === null ? [] : [['Of its bound', `${bytes(process.memory_used)} of ${bytes(process.memory_limit)}`, process.memory_used > 0.85 * process.memory_limit ? 'warn' : '']]),
    ['Open files', process.files === null ? 'unknown' : `${number.format(process.files)} of ${number.format(process.files_limit)}`],
    ['CPU so far', span(process.cpu)], ['Loop late by', span(process.lag), process.lag > 0.1 ? 'warn' : ''],
    ['Stalls', number.format(process.stalls), process.stalls ? 'warn' : ''], ['Requests / s', number.format(rates.requests)],
    ['Connections / s', number.format(rates.connections)], ['Refusals / s', number.format(rates.refusals), rates.refusals > 1 ? 'warn' : ''],
  ]);
  facts('cluster', [
    ['Nodes', number.format(cluster.nodes)], ['Within reach', cluster.reachable ? 'yes' : 'no', cluster.reachable ? '' : 'bad'],
    ['Workers', number.format(workers.alive)], ['Jobs', number.format(workers.jobs)],
    ['Workers lost', number.format(workers.lost), workers.lost ? 'warn' : ''],
  ]);
  const deleted = now.trash.filter((row) => fits(row.name));
  $('trash-card').hidden = !now.trash.length;
  $('trash-count').textContent = now.trash.length < 50 ? 'Deleted, and kept for a while.' : 'Deleted, and kept for a while: the first 50 by name.';
  fill('trash', deleted.map(trashRow), 4, 'None of this name.');
  $('webhooks-card').hidden = !now.webhooks.length;
  const waiting = now.webhooks.reduce((sum, row) => sum + row.waiting, 0);
  $('webhooks-count').textContent = waiting ? `${number.format(waiting)} wait to be delivered` : 'nothing waits';
  fill('webhooks', now.webhooks.map(webhookRow), 7, '');
  const most = Math.max(...now.largest.map((row) => row.size), 1);
  $('largest').replaceChildren(...(now.largest.length ? now.largest.map((row) => largestRow(row, most)) : [el('li', { class: 'empty' }, 'Nobody has a document open.')]));
  $('quarantine').hidden = !now.quarantine.length;
  const quarantined = $('quarantine').querySelector('tbody');
  if (!isHeld(quarantined)) {
    quarantined.replaceChildren(...now.quarantine.map((name) =>
      el('tr', {}, el('td', {}, name), el('td', { class: 'name' }, el('button', { type: 'button', onclick: () => act_on('release', name) }, 'Release')))));
  }
  const recent = now.recent.map(recentRow);
  $('recent').replaceChildren(...(recent.length ? recent : [el('li', {}, el('span', {}), el('span', { class: 'quiet' }, 'Nothing since the start.'))]));
}

function show(state) {
  $('link').dataset.state = state;
  $('link').lastElementChild.textContent = { live: 'live', draining: 'draining', lost: 'reconnecting', waiting: 'connecting' }[state];
}

let hiding;
function say(words, bad = false) {
  const toast = $('toast');
  toast.textContent = words;
  toast.className = bad ? 'shown bad' : 'shown';
  clearTimeout(hiding);
  hiding = setTimeout(() => { toast.className = ''; }, 5000);
}

async function act_on(action, document, session, endpoint) {
  try {
    const answer = await fetch(`${base}/do`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ action, document, session, endpoint }),
    });
    const said = await answer.json();
    say(said.ok ? said.message : said.error.message, !said.ok);
    if (answer.status === 401) location.reload();
  } catch {
    say('The server cannot be reached.', true);
  }
}

function disconnect(row) {
  const ask = $('ask');
  ask.querySelector('h2').textContent = `Disconnect ${row.name}?`;
  ask.querySelector('p').textContent = `They leave “${row.document}” and are told so. What they wrote is kept, and they may come back.`;
  ask.querySelector('[value=yes]').textContent = 'Disconnect';
  ask.returnValue = 'no';
  ask.onclose = () => { if (ask.returnValue === 'yes') act_on('disconnect', row.document, row.session); };
  ask.showModal();
}

function watch() {
  const source = new EventSource(`${base}/events`);
  source.onmessage = ({ data }) => draw(JSON.parse(data));
  source.onerror = () => {
    show('lost');
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(async () => {
      const answer = await fetch(`${base}/now`).catch(() => null);
      if (answer?.status === 401 || answer?.status === 403) location.reload();
      else watch();
    }, 1000);
  };
}

$('find').oninput = () => latest && draw(latest);
$('check').onclick = () => act_on('check');
watch();
