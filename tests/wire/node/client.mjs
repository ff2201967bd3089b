// N clients in one process, driven by lines of JSON.
//
// In, one command a line: {"id": 1, "do": "open", "client": "ann", ...}; the commands are below.
// Out, one line each:
//   {"id": 1, "value": ...} or {"id": 1, "error": "..."}   the answer to a command
//   {"client": "ann", "state": {...}}                       a client as it is now, after any change
// Bytes travel as {"$bytes": base64}. The process ends when its standard input does.

import readline from "node:readline";
import { Manager } from "socket.io-client";
import { normalised } from "./clients.mjs";
import { KINDS } from "./protocol-clients.mjs";
import { Link } from "./link.mjs";
import { mulberry32 } from "./random.mjs";
import { Suggestions } from "./suggestions.mjs";
import { type } from "./typing.mjs";

const clients = new Map();
const links = new Map();
const suggestions = new Map();
const dirty = new Set();

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

/** Tell a client's state soon, once for everything that changes in this turn of the event loop. */
function changed(name) {
  if (dirty.size === 0) setImmediate(tellDirty);
  dirty.add(name);
}

function tellDirty() {
  const names = [...dirty];
  dirty.clear();
  for (const name of names) {
    const client = clients.get(name);
    if (client !== undefined) say({ client: name, state: client.state() });
  }
}

const packed = (value) =>
  value instanceof ArrayBuffer || ArrayBuffer.isView(value)
    ? { $bytes: Buffer.from(ArrayBuffer.isView(value) ? value : new Uint8Array(value)).toString("base64") }
    : value;

const unpacked = (value) =>
  value !== null && typeof value === "object" && "$bytes" in value
    ? new Uint8Array(Buffer.from(value.$bytes, "base64"))
    : value;

const COMMANDS = {
  /**
   * Make a client and connect it. `kind` is one of KINDS, `link` true puts a cuttable link between,
   * all else goes to its constructor.
   */
  async open({ client, kind, link = false, url, ...options }) {
    if (clients.has(client)) throw new Error(`there is a client ${client} already`);
    let target = url;
    if (link) {
      const cable = new Link(url);
      await cable.open();
      links.set(client, cable);
      target = cable.url;
    }
    clients.set(client, new KINDS[kind]({ url: target, ...options }, () => changed(client)));
    changed(client);
  },

  /** Insert `text` at `index` (from the end where negative: -1 appends). */
  insert({ client, index, text }) {
    const { body } = clients.get(client);
    clients.get(client).insert(index < 0 ? body.length + 1 + index : index, text);
  },

  /** Insert each of `texts` at the end, as one update each, without waiting in between. */
  append_each({ client, texts }) {
    const one = clients.get(client);
    for (const text of texts) one.insert(one.body.length, text);
  },

  remove({ client, index, length }) {
    clients.get(client).remove(index, length);
  },

  /** Do what a person does to a text; the seed says what. */
  type({ client, seed }) {
    type(clients.get(client), mulberry32(seed));
  },

  /** With Yjs 14: suggest texts, `[index, text]`, of which nobody else hears. */
  suggest({ client, texts }) {
    suggestions.set(client, new Suggestions(clients.get(client).doc, texts));
  },

  /** Accept the suggestion of this number. */
  accept({ client, number }) {
    suggestions.get(client).accept(number);
  },

  /** Set the awareness state. */
  awareness({ client, state }) {
    clients.get(client).awareness.setLocalState(state);
  },

  /** Emit an event; with `ack` the answer is the server's first argument. */
  async emit({ client, event, args = [], ack = false, timeout = 10000 }) {
    const { socket } = clients.get(client);
    const values = args.map(unpacked);
    if (!ack) {
      socket.emit(event, ...values);
      return null;
    }
    return packed(await socket.timeout(timeout).emitWithAck(event, ...values));
  },

  /** The encoded state, normalised. */
  encoded({ client }) {
    return packed(normalised(clients.get(client).doc));
  },

  /** The WebSocket extensions that were agreed upon. */
  extensions({ client }) {
    return clients.get(client).socket.io.engine.transport.ws?.extensions ?? null;
  },

  connect({ client }) {
    clients.get(client).connect();
  },

  /** Say goodbye; `connect` brings it back. */
  disconnect({ client }) {
    clients.get(client).disconnect();
  },

  cut({ client }) {
    links.get(client).cut();
  },

  mend({ client }) {
    links.get(client).mend();
  },

  /** Leave for good. */
  destroy({ client }) {
    clients.get(client).destroy();
    clients.delete(client);
    links.delete(client); // it stays whole: over polling, the goodbye is still to come
  },

  /** Try to connect to any namespace, as nobody's provider would: {connected} or {error}. */
  async knock({ url, namespace, auth, transports = ["websocket"], timeout = 10000 }) {
    const manager = new Manager(url, { transports, reconnection: false });
    const socket = manager.socket(namespace, { auth });
    try {
      return await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error("no answer")), timeout);
        const settle = (answer) => {
          clearTimeout(timer);
          resolve(answer);
        };
        socket.on("connect", () => settle({ connected: true }));
        socket.on("connect_error", (error) => {
          settle({ error: { message: error.message, data: error.data ?? null } });
        });
      });
    } finally {
      socket.disconnect();
      manager._close();
    }
  },
};

process.setMaxListeners(0); // every y-socket.io provider listens for "exit"
for await (const line of readline.createInterface({ input: process.stdin })) {
  const { id, do: verb, ...args } = JSON.parse(line);
  // Commands are answered in order; none of them waits for long.
  try {
    say({ id, value: (await COMMANDS[verb](args)) ?? null });
  } catch (error) {
    say({ id, error: String(error?.stack ?? error) });
  }
}
process.exit(0);
