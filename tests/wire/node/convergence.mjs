// People who type at random places, lose their connection at random moments, and come back.
//
// One JSON argument: {url, document, seed, clients, edits, cast?}. The seed decides who has which client, who
// types what, where and when, and who is cut off; the network decides the rest, so a seed repeats the
// people, not every interleaving. At the end everybody reconnects, and all replicas, and what newcomers
// get from the server, have to be the same document. With `clients` 0 there are newcomers only, who
// say what the server has.
//
// The last line of output is {seed, clients, edits, cuts, reconnects, length,
// ms, encoded}; `encoded` is the base64
// of the normalised state that all agree on. Exit code 1, and why on stderr, where they do not agree.

import * as Y from "yjs";
import { normalised } from "./clients.mjs";
import { Link } from "./link.mjs";
import { KINDS } from "./protocol-clients.mjs";
import { below, mulberry32 } from "./random.mjs";
import { type } from "./typing.mjs";

/** Milliseconds for everybody to agree once the last edit is made; seldom is a tenth of it needed. */
const PATIENCE = 60_000;

const SOCKET_IO = [
  { kind: "y-socket.io" },
  { kind: "socket.io", transports: ["websocket"] },
  { kind: "socket.io", transports: ["polling"] },
  { kind: "y-socket.io" },
  { kind: "socket.io", transports: ["polling", "websocket"] },
  { kind: "socket.io", transports: ["polling"] },
];
const CASTS = {
  "socket.io": SOCKET_IO,
  all: [
    { kind: "y-websocket-3" },
    { kind: "hocuspocus-4", sessions: true },
    { kind: "socket.io", transports: ["websocket"] },
    { kind: "y-websocket-2" },
    { kind: "hocuspocus-3" },
    { kind: "y-socket.io" },
    { kind: "hocuspocus-2" },
  ],
};

class Disagreement extends Error {}

/** Lets a coroutine wait for a condition that is looked at again whenever something happened. */
class News {
  constructor() {
    this.wake = () => this._wake?.();
  }

  /** `missing` returns null, or what is still missing. */
  async until(missing, patience = PATIENCE) {
    const deadline = performance.now() + patience;
    for (let fault = missing(); fault !== null; fault = missing()) {
      const left = deadline - performance.now();
      if (left <= 0) throw new Disagreement(fault);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this._wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      await pause(5); // what comes together is looked at together
    }
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sum = (values) => values.reduce((total, value) => total + value, 0);

class Simulation {
  constructor({ url, document, seed, clients, edits, cast = "socket.io" }) {
    Object.assign(this, { url, document, seed, clients, edits, cast: CASTS[cast] });
    this.news = new News();
    this.people = [];
    this.cuts = 0;
  }

  async run() {
    for (let number = 0; number < this.clients; number += 1) this.people.push(await this.arrive(number));
    await this.news.until(() => notSynced(this.people));
    await Promise.all(this.people.map((person) => this.live(person)));
    await this.news.until(() => notSynced(this.people) ?? difference(this.people));
    // Nothing is on its way any more: the first answer that a newcomer gets has to be all there is.
    const newcomers = [...new Set(this.cast.map(({ kind }) => kind))].map((kind) => this.newcomer(kind));
    await this.news.until(() => notSynced(newcomers));
    const everybody = [...this.people, ...newcomers];
    const fault = difference(everybody);
    if (fault !== null) throw new Disagreement(`a newcomer got something else: ${fault}`);
    return newcomers[0].client;
  }

  /** One person: a client on a link of its own, with a stream of random numbers of its own. */
  async arrive(number) {
    const random = mulberry32(this.seed * 7919 + number);
    const { kind, transports, ...more } = this.cast[(this.seed + number) % this.cast.length];
    const link = new Link(this.url);
    await link.open();
    const options = { url: link.url, document: this.document, transports, ...more };
    const client = new KINDS[kind](options, this.news.wake);
    return { name: `${number} (${kind}, ${transports ?? "websocket"})`, client, link, random };
  }

  newcomer(kind) {
    const client = new KINDS[kind]({ url: this.url, document: this.document }, this.news.wake);
    return { name: `newcomer (${kind})`, client };
  }

  /** Type, be away now and then, and be back at the end. */
  async live({ client, link, random }) {
    let comeBack = null; // not null while away
    for (let edit = 0; edit < this.edits; edit += 1) {
      await pause(below(random, 12));
      const dice = random();
      if (comeBack !== null && dice < 0.3) {
        comeBack();
        comeBack = null;
      } else if (comeBack === null && dice < 0.1) {
        comeBack = goAway(client, link, random);
        this.cuts += 1;
      }
      type(client, random);
    }
    comeBack?.();
  }
}

/** Be cut off, or leave politely; returns how to come back. */
function goAway(client, link, random) {
  if (random() < 0.6) {
    link.cut();
    return () => link.mend();
  }
  client.disconnect();
  return () => client.connect();
}

function notSynced(people) {
  const away = people.filter(({ client }) => !client.synced);
  if (away.length === 0) return null;
  return `not synced: ${away.map(({ name, client }) => `${name} ${history(client)}`).join("; ")}`;
}

/** How the replicas differ, or null: first the cheap comparisons, then the strict one. */
function difference(people) {
  return (
    unequal(people, "state vector", ({ client }) => Buffer.from(Y.encodeStateVector(client.doc)).toString("hex")) ??
    unequal(people, "text", ({ client }) => client.body.toString()) ??
    unequal(people, "encoded state", ({ client }) => Buffer.from(normalised(client.doc)).toString("hex")) ??
    parked(people)
  );
}

function unequal(people, what, look) {
  const groups = new Map();
  for (const person of people) {
    const value = look(person);
    if (!groups.has(value)) groups.set(value, []);
    groups.get(value).push(person);
  }
  if (groups.size < 2) return null;
  const described = [...groups].map(([value, members]) => {
    const who = members.map(({ name, client }) => `${name} ${history(client)}`).join(", ");
    return `${JSON.stringify(value.slice(0, 300))} (${value.length}): ${who}`;
  });
  return `${groups.size} different values of ${what}:\n${described.join("\n")}`;
}

/** Structs that wait for others which never came would be part of the encoded state, but not of the text. */
function parked(people) {
  const waiting = people.filter(({ client }) => client.doc.store.pendingStructs ?? client.doc.store.pendingDs);
  return waiting.length ? `something is missing before what came: ${waiting.map(({ name }) => name)}` : null;
}

function history({ connected, connects, disconnects, errors, notices, first, socket, missing }) {
  const { _readyState: manager, _reconnecting: reconnecting, engine } = socket?.io ?? {};
  const transport = engine && `${engine.readyState} ${engine.id} ${engine.transport?.name} ${engine.transport?.readyState}`;
  const way = { connected, missing, active: socket?.active, manager, reconnecting, transport, first };
  return JSON.stringify({ connects, disconnects, errors: errors.slice(-3), notices: notices.slice(-3), ...way });
}

process.setMaxListeners(0); // every y-socket.io provider listens for "exit"
const settings = JSON.parse(process.argv[2]);
const simulation = new Simulation(settings);
const began = performance.now();
try {
  const { doc, body } = await simulation.run();
  const result = {
    seed: settings.seed,
    clients: settings.clients,
    edits: settings.clients * settings.edits,
    cuts: simulation.cuts,
    reconnects: sum(simulation.people.map(({ client }) => client.connects - 1)),
    length: body.length,
    ms: Math.round(performance.now() - began),
    encoded: Buffer.from(normalised(doc)).toString("base64"),
  };
  process.stdout.write(JSON.stringify(result) + "\n", () => process.exit(0));
} catch (error) {
  const words = error instanceof Disagreement ? error.message : error.stack;
  process.stderr.write(`seed ${settings.seed}: ${words}\n`, () => process.exit(1));
}
