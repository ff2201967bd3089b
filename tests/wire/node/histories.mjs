// Random histories of documents, written by real Yjs clients: every type, content and way of sending.
//
// Reads one JSON command a line, and answers each with a line:
//   {do: "begin", seed}                  people write; -> {sent: [update...], steps}
//   {do: "go on", seed, heard, state}    they hear of others' updates, or load the server's state, and go on; -> {sent}
//   {do: "check", seed, copies}          each copy is a list of updates; what Yjs shows after each has to be what it shows
//                                        after all that was sent; -> {faults: [words...]}
// Updates are base64, Yjs v1. A seed repeats the people, their edits and how they send them.

import readline from "node:readline";
import * as Y from "yjs";
import { below, mulberry32, pick } from "./random.mjs";

const KEYS = ["x", "y", "", "😀", "a longer key"];
const WORDS = ["a", "b ", "hello", "\n", "😀", "a😀b", "é", "漢字", "\ud83d", "\ude00", "\u0000", "👩‍🚀", "the quick brown fox"];
const FORMATS = [{ bold: true }, { bold: null }, { link: { href: "a\ud83d" } }, { color: "😀" }, { size: 2.5 }, { bold: false, italic: true }];
const EMBEDS = [{ image: "x" }, { n: 1e21, m: -0, o: [1, [2, { a: null }]] }, { half: "\ud83d" }, "text", 5, true, [], {}];
const NAMES = ["p", "h1", "a-b", "😀"];

const b64 = (bytes) => Buffer.from(bytes).toString("base64");
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));

/** A value as it may stand in an array or under a key. */
function value(random, depth = 0) {
  const simple = [
    null, undefined, true, false, 0, 1, -1, 63, 64, -64, 127, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 53 - 1, -(2 ** 53), 1e300, 0.5, 0.1,
    -2.25, 3.4e38, 5e-324, -0, NaN, Infinity, -Infinity, 0n, 5n, -(2n ** 63n), 2n ** 63n - 1n, "", "text", "😀", "\ud83d", "undefined",
  ];
  const dice = below(random, depth > 3 ? simple.length : simple.length + 12);
  if (dice < simple.length) return simple[dice];
  const inner = () => value(random, depth + 1);
  if (dice % 4 === 0) return new Uint8Array(Array.from({ length: below(random, 5) }, () => below(random, 256)));
  if (dice % 4 === 1) return Array.from({ length: below(random, 4) }, inner);
  return Object.fromEntries(Array.from({ length: below(random, 4) }, () => [pick(random, KEYS), inner()]));
}

/** A value, or a shared type with something in it, or a sub-document. */
function content(random, depth = 0) {
  switch (below(random, depth > 2 ? 6 : 14)) {
    case 6: return new Y.Map(Array.from({ length: below(random, 3) }, () => [pick(random, KEYS), content(random, depth + 1)]));
    case 7: return Y.Array.from(Array.from({ length: below(random, 3) }, () => element(random, depth + 1)));
    case 8: return new Y.Text(pick(random, ["", ...WORDS]));
    case 9: return xml(random, depth);
    case 10: return new Y.XmlFragment();
    case 11: {
      const options = pick(random, [{}, { autoLoad: true }, { gc: false }, { meta: value(random, 2) }, { shouldLoad: false }]);
      return new Y.Doc({ guid: `guid-${below(random, 1e9)}`, ...options });
    }
    default: return value(random);
  }
}

/** What may stand in an array: Yjs takes some values only inside others there. */
function element(random, depth = 0) {
  const chosen = content(random, depth);
  return chosen === undefined || typeof chosen === "bigint" ? [chosen] : chosen;
}

function xml(random, depth = 0) {
  const dice = below(random, 10);
  if (dice < 3) return new Y.XmlText(pick(random, ["", ...WORDS]));
  if (dice < 5) return new Y.XmlHook(pick(random, ["widget", "", "😀"]));
  const element = new Y.XmlElement(pick(random, NAMES));
  if (dice < 8) element.setAttribute(pick(random, KEYS), pick(random, ["v", 5, true, { a: 1 }, "😀"]));
  if (depth < 3 && dice > 5) element.insert(0, Array.from({ length: below(random, 3) }, () => xml(random, depth + 1)));
  return element;
}

// -- edits ---------------------------------------------------------------------------------------------

const ROOTS = {
  t: (doc) => doc.getText("t"),
  m: (doc) => doc.getMap("m"),
  a: (doc) => doc.getArray("a"),
  x: (doc) => doc.getXmlFragment("x"),
  e: (doc) => doc.getXmlElement("e"),
  "": (doc) => doc.getMap(""),
};

/** A shared type of the document: a root, or something inside one. */
function target(doc, random) {
  let type = ROOTS[pick(random, Object.keys(ROOTS))](doc);
  for (let depth = 0; depth < 6 && random() < 0.6; depth += 1) {
    const inside = children(type);
    if (inside.length === 0) break;
    type = pick(random, inside);
  }
  return type;
}

function children(type) {
  const found = [];
  for (let item = type._start; item !== null; item = item.right) {
    if (!item.deleted && item.content instanceof Y.ContentType) found.push(item.content.type);
  }
  for (const item of type._map.values()) {
    if (!item.deleted && item.content instanceof Y.ContentType) found.push(item.content.type);
  }
  return found;
}

function edit(doc, random) {
  const type = target(doc, random);
  if (type instanceof Y.XmlHook || type instanceof Y.Map) editMap(type, random);
  else if (type instanceof Y.Text) editText(type, random);
  else if (type instanceof Y.Array) editArray(type, random);
  else editXml(type, random);
}

function editMap(map, random) {
  const key = pick(random, KEYS);
  if (random() < 0.2) map.delete(key);
  else if (random() < 0.05) map.clear();
  else for (let times = random() < 0.3 ? 2 + below(random, 4) : 1; times > 0; times -= 1) map.set(key, content(random));
}

function editArray(array, random) {
  if (array.length > 0 && random() < 0.3) {
    const at = below(random, array.length);
    array.delete(at, 1 + below(random, Math.min(3, array.length - at)));
  } else {
    array.insert(below(random, array.length + 1), Array.from({ length: 1 + below(random, 4) }, () => element(random)));
  }
}

function editText(text, random) {
  const at = below(random, text.length + 1);
  const left = text.length - at;
  const dice = below(random, 20);
  if (dice < 8) text.insert(at, pick(random, WORDS), random() < 0.3 ? pick(random, FORMATS) : undefined);
  else if (dice < 11 && left > 0) text.delete(at, 1 + below(random, Math.min(5, left)));
  else if (dice < 14 && left > 0) text.format(at, 1 + below(random, left), pick(random, FORMATS));
  else if (dice < 15) text.insertEmbed(at, pick(random, EMBEDS), random() < 0.5 ? pick(random, FORMATS) : {});
  else if (dice < 16) text.insertEmbed(at, random() < 0.5 ? new Y.Map([["k", value(random)]]) : new Y.Text("inside"));
  else if (dice < 17) text.applyDelta([{ retain: at }, { insert: pick(random, WORDS), attributes: pick(random, FORMATS) }]);
  else if (dice < 19) for (let n = 1 + below(random, 4); n > 0; n -= 1) text.setAttribute(pick(random, KEYS), value(random));
  else text.removeAttribute(pick(random, KEYS));
}

function editXml(fragment, random) {
  if (fragment instanceof Y.XmlElement && random() < 0.4) {
    const key = pick(random, KEYS);
    if (random() < 0.2) fragment.removeAttribute(key);
    else for (let times = 1 + below(random, 4); times > 0; times -= 1) fragment.setAttribute(key, value(random));
  } else if (fragment.length > 0 && random() < 0.3) {
    fragment.delete(below(random, fragment.length), 1);
  } else {
    fragment.insert(below(random, fragment.length + 1), [xml(random)]);
  }
}

// -- people --------------------------------------------------------------------------------------------

/** Apply an update as the server does: Yjs would otherwise tidy up formats in a replica, which is an edit of its own. */
function take(doc, update) {
  doc.transact((transaction) => {
    Y.applyUpdate(doc, update, "remote");
    transaction.local = true; // Yjs tidies up after what others did
  }, "remote");
}

class Person {
  constructor(history, number) {
    const { random } = history;
    this.history = history;
    this.doc = new Y.Doc({ gc: random() < 0.6 });
    this.doc.clientID = pick(random, [number + 1, 1000 + number, 2 ** 32 - 1 - number, 2 ** 31 + number]);
    this.online = true;
    this.kept = [];
    this.undo = null;
    if (random() < 0.6) {
      const roots = Object.values(ROOTS).map((root) => root(this.doc));
      this.undo = new Y.UndoManager(roots, { captureTimeout: random() < 0.5 ? 0 : 500 });
    }
    this.doc.on("update", (update, origin) => {
      if (origin === "remote") return;
      if (this.online) history.send(update, this);
      else this.kept.push(update);
    });
  }

  act() {
    const { random } = this.history;
    const dice = random();
    if (this.undo !== null && dice < 0.15) this.undo.undo();
    else if (this.undo !== null && dice < 0.25) this.undo.redo();
    else if (dice < 0.6) edit(this.doc, random);
    else {
      this.doc.transact(() => {
        for (let n = 1 + below(random, 4); n > 0; n -= 1) edit(this.doc, random);
      });
    }
  }

  comeBack() {
    const { history, doc, kept } = this;
    const { random, server } = history;
    const known = Y.encodeStateVector(server);
    this.online = true;
    this.kept = [];
    switch (below(random, 7)) {
      case 0: history.send(Y.encodeStateAsUpdate(doc), this); break;
      case 1: for (const update of kept) history.send(update, this); break;
      case 2: if (kept.length > 0) history.send(Y.mergeUpdates(kept), this); break;
      case 3: if (kept.length > 0) { // merged, and split again where a second part begins
        const some = 1 + below(random, kept.length);
        const first = Y.mergeUpdates(kept.slice(0, some));
        history.send(Y.diffUpdate(first, known), this);
        history.send(Y.diffUpdate(Y.mergeUpdates(kept), Y.encodeStateVectorFromUpdate(first)), this);
        break;
      } // falls through
      case 4: history.send(Y.convertUpdateFormatV2ToV1(Y.encodeStateAsUpdateV2(doc, known)), this); break;
      case 5: { // with something long known in front: between them the merged update has a gap, which is known too
        const early = pick(random, history.sent.length > 0 ? history.sent : [new Uint8Array([0, 0])]);
        history.send(Y.mergeUpdates([early, Y.encodeStateAsUpdate(doc, known)]), this);
        break;
      }
      default: history.send(Y.encodeStateAsUpdate(doc, known), this);
    }
    // Whatever way was taken, the usual exchange of state vectors follows.
    const rest = Y.encodeStateAsUpdate(doc, Y.encodeStateVector(server));
    if (rest.length > 2) history.send(rest, this);
    this.catchUp();
  }

  catchUp() {
    Y.applyUpdate(this.doc, Y.encodeStateAsUpdate(this.history.server, Y.encodeStateVector(this.doc)), "remote");
  }
}

class History {
  constructor(seed) {
    this.random = mulberry32(seed);
    this.sent = [];
    this.untold = [];
    this.server = new Y.Doc();
    this.people = [];
    for (let number = 0; number < 1 + below(this.random, 4); number += 1) this.people.push(new Person(this, number));
  }

  send(update, from) {
    this.sent.push(update);
    this.untold.push(update);
    take(this.server, update);
    for (const person of this.people) {
      if (person !== from && person.online) Y.applyUpdate(person.doc, update, "remote");
    }
  }

  live(steps) {
    for (let step = 0; step < steps; step += 1) {
      const person = pick(this.random, this.people);
      if (person.online && this.random() < 0.12) person.online = false;
      else if (!person.online && this.random() < 0.2) person.comeBack();
      person.act();
    }
    for (const person of this.people) if (!person.online) person.comeBack();
    for (const person of this.people) person.catchUp();
  }

  /** What was sent since this was asked last. */
  news() {
    const news = this.untold.map(b64);
    this.untold = [];
    return news;
  }

  goOn(heard, state) {
    for (const update of heard.map(bytes)) {
      this.sent.push(update);
      take(this.server, update);
      for (const person of this.people) Y.applyUpdate(person.doc, update, "remote");
    }
    // The server's own words, on top of what everybody has, and as all that a newcomer has.
    for (const person of this.people) if (this.random() < 0.5) Y.applyUpdate(person.doc, bytes(state), "remote");
    const newcomer = new Person(this, 50);
    Y.applyUpdate(newcomer.doc, bytes(state), "remote");
    this.people.push(newcomer);
    this.live(4 + below(this.random, 10));
    return this.news();
  }
}

// -- comparing -----------------------------------------------------------------------------------------

function replica(updates) {
  const doc = new Y.Doc();
  for (const update of updates) take(doc, update);
  return doc;
}

function shown(value) {
  if (value instanceof Y.XmlHook) return { hook: value.hookName, entries: entries(value) };
  if (value instanceof Y.XmlText || value instanceof Y.Text) {
    const delta = value.toDelta().map(({ insert, attributes }) => [shown(insert), shown(attributes ?? {})]);
    return { [value.constructor.name]: delta, entries: entries(value) };
  }
  if (value instanceof Y.XmlElement) return { element: value.nodeName, entries: entries(value), children: value.toArray().map(shown) };
  if (value instanceof Y.XmlFragment) return { fragment: value.toArray().map(shown) };
  if (value instanceof Y.Map) return { map: entries(value) };
  if (value instanceof Y.Array) return { array: value.toArray().map(shown) };
  if (value instanceof Y.Doc) return { doc: value.guid, options: [value.meta ?? null, value.autoLoad, value.gc].map(shown) };
  if (value instanceof Uint8Array) return { bytes: b64(value) };
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value === "string") return value.toWellFormed();
  if (typeof value === "bigint") return { big: String(value) };
  if (typeof value === "number") return Object.is(value, -0) ? { number: "-0" } : Number.isFinite(value) ? value : { number: String(value) };
  if (value === undefined) return { undefined: true };
  if (value !== null && typeof value === "object") {
    return { object: Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key.toWellFormed(), shown(inner)]) };
  }
  return value;
}

function entries(type) {
  const live = [...type._map].filter(([, item]) => !item.deleted);
  return live.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, shown(item.content.getContent()[item.length - 1])]);
}

const LOOKS = {
  content: (doc) => Object.values(ROOTS).map((root) => shown(root(doc))),
  "state vector": (doc) => [...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([a], [b]) => a - b),
  "delete set": (doc) => {
    const { clients } = Y.createDeleteSetFromStructStore(doc.store);
    return [...clients].sort(([a], [b]) => a - b).map(([client, ranges]) => [client, ...joined(ranges)]);
  },
  pending: (doc) => doc.store.pendingStructs !== null || doc.store.pendingDs !== null,
};

function joined(ranges) {
  const out = [];
  for (const { clock, len } of ranges) {
    const last = out.at(-1);
    if (last !== undefined && last[1] === clock) last[1] += len;
    else out.push([clock, clock + len]);
  }
  return out;
}

function faults(history, copies) {
  const expected = replica(history.sent);
  const found = [];
  for (const [number, copy] of copies.entries()) {
    const doc = replica(copy.map(bytes));
    for (const [what, look] of Object.entries(LOOKS)) {
      const [here, there] = [JSON.stringify(look(doc)), JSON.stringify(look(expected))];
      if (here !== there) found.push(`copy ${number}: ${what}\n  ${difference(here, there)}\n  ${difference(there, here)}`);
    }
  }
  return found;
}

function difference(one, other) {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  return `...${one.slice(Math.max(0, at - 80), at + 120)}`;
}

// -- commands ------------------------------------------------------------------------------------------

const histories = new Map();
const COMMANDS = {
  begin: ({ seed }) => {
    const history = new History(seed);
    histories.set(seed, history);
    history.live(6 + below(history.random, 24));
    return { sent: history.news() };
  },
  "go on": ({ seed, heard, state }) => ({ sent: histories.get(seed).goOn(heard, state) }),
  check: ({ seed, copies }) => {
    const found = faults(histories.get(seed), copies);
    histories.delete(seed);
    return { faults: found };
  },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  try {
    answer = COMMANDS[command.do](command);
  } catch (error) {
    answer = { error: error.stack };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
