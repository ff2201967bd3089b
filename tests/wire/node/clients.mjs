// The clients under test: npm packages as published, wrapped only so far that both kinds answer to
// the same few names. Each has a Yjs document whose root "body" is the text that the tests edit.

import { io } from "socket.io-client";
import * as awarenessProtocol from "y-protocols/awareness";
import { SocketIOProvider } from "y-socket.io";
import * as Y from "yjs";

/**
 * Reconnect soon (tests do not want to wait for seconds), for as long as it takes.
 *
 * `timeout` is 20 s by default, and socket.io-client needs it: a WebSocket that breaks after its own handshake and
 * before Engine.IO's is noticed by nothing else (its manager hears "close" only once the engine is open).
 */
const RECONNECTION = { reconnectionDelay: 40, reconnectionDelayMax: 200, randomizationFactor: 0.5, timeout: 4000 };
/** How many events of a connection are remembered in `first`. */
const FIRST_EVENTS = 8;

/** The encoded state of a document, made equal for equal content by a trip through a fresh one. */
export function normalised(doc) {
  return normalisedUpdate(Y.encodeStateAsUpdate(doc));
}

/** As `normalised`, for an encoded state. */
export function normalisedUpdate(update) {
  const fresh = new Y.Doc();
  Y.applyUpdate(fresh, update);
  const bytes = Y.encodeStateAsUpdate(fresh);
  fresh.destroy();
  return bytes;
}

/**
 * What both kinds have in common.
 *
 * `changed` is called whenever something that `state()` tells may have changed.
 */
export class Client {
  constructor(changed, doc) {
    this.changed = changed;
    this.doc = doc ?? new Y.Doc();
    this.body = this.doc.getText("body");
    this.received = {}; // event -> how often, since the client was made
    this.first = []; // the first events of the present connection, in order
    this.connects = 0;
    this.errors = [];
    this.notices = [];
    this.disconnects = [];
  }

  /** To be called once `this.socket` and `this.awareness` are there. */
  watch() {
    this.socket.onAny((event) => {
      this.received[event] = (this.received[event] ?? 0) + 1;
      if (this.first.length < FIRST_EVENTS) this.first.push(event);
      this.changed();
    });
    this.socket.on("connect", () => {
      this.connects += 1;
      this.first = [];
      this.changed();
    });
    this.socket.on("disconnect", (reason) => {
      this.disconnects.push(reason);
      this.changed();
    });
    this.socket.on("connect_error", (error) => {
      this.errors.push({ message: error.message, data: error.data ?? null });
      this.changed();
    });
    this.socket.on("notice", (notice) => this.notices.push(notice));
    this.socket.io.on("open", () => this.socket.io.engine.on("upgrade", () => this.changed()));
    this.doc.on("update", () => this.changed());
    this.awareness.on("update", () => this.changed()); // also where nothing but the clock has changed
  }

  get connected() {
    return this.socket.connected;
  }

  /** `null`, "polling" or "websocket". */
  get transport() {
    return this.socket.connected ? (this.socket.io.engine?.transport?.name ?? null) : null;
  }

  insert(index, text) {
    this.body.insert(index, text);
  }

  remove(index, length) {
    this.body.delete(index, length);
  }

  /** Everything that a test may look at, as JSON. */
  state() {
    const awareness = {};
    const clocks = {};
    for (const [id, state] of this.awareness.getStates()) {
      awareness[id] = state;
      clocks[id] = this.awareness.meta.get(id).clock;
    }
    return {
      connected: this.connected,
      synced: this.synced,
      transport: this.transport,
      text: this.body.toString(),
      clientID: this.doc.clientID,
      awareness,
      clocks,
      received: this.received,
      first: this.first,
      connects: this.connects,
      errors: this.errors,
      notices: this.notices,
      disconnects: this.disconnects,
    };
  }
}

/** The provider of the npm package y-socket.io, on `/yjs|<document>`. */
export class YSocketIOClient extends Client {
  constructor({ url, document, transports = ["websocket"], auth = {}, awareness = {}, tabs = false, doc }, changed) {
    super(changed, doc);
    this.provider = new SocketIOProvider(
      url,
      document,
      this.doc,
      // Its BroadcastChannel connects clients of one process behind the server's back, as it does with tabs.
      { disableBc: !tabs, autoConnect: false, auth },
      { transports, ...RECONNECTION },
    );
    this.socket = this.provider.socket;
    this.awareness = this.provider.awareness;
    this.watch();
    this.provider.on("synced", () => this.changed());
    this.awareness.setLocalState(awareness);
    this.provider.connect();
  }

  get synced() {
    return this.provider.synced;
  }

  connect() {
    this.provider.connect();
  }

  disconnect() {
    this.provider.disconnect();
  }

  destroy() {
    this.provider.destroy();
    this.socket.disconnect(); // the provider does not where it was offline, and would try on for ever
    this.doc.destroy();
  }
}

/**
 * An application's own client on `/doc/<document>`, as the server's protocol page describes one:
 * Yjs over socket.io-client, with awareness or (`presence: "json"`) with JSON presence.
 */
export class PlainClient extends Client {
  constructor(options, changed) {
    super(changed, options.doc);
    const { url, document, transports, user, token, presence, auth, awareness, forceNew = true } = options;
    this.presence = presence === "json" ? {} : null; // session -> entry
    this.session = null;
    this.broadcasts = [];
    this.acks = []; // answers to this client's edits, in order of arrival
    this.unacknowledged = 0;
    this._asked = false; // the server asked for what it lacks, on this connection
    this._answered = false; // the server answered our question
    this.socket = io(`${url}/doc/${document}`, {
      forceNew,
      transports: transports ?? ["websocket"],
      auth: auth ?? clean({ token, user, presence }),
      autoConnect: false,
      ...RECONNECTION,
    });
    this.awareness = new awarenessProtocol.Awareness(this.doc);
    this.awareness.setLocalState(this.presence === null ? (awareness ?? {}) : null);
    this._listen();
    this.watch();
    this.socket.connect();
  }

  get synced() {
    return this.connected && this._asked && this._answered;
  }

  /** What is missing until this client is synced. */
  get missing() {
    return [["asked", this._asked], ["answered", this._answered]].filter(([, there]) => !there).map(([name]) => name);
  }

  _listen() {
    const { socket, doc, awareness } = this;
    socket.on("connect", () => {
      this._asked = this._answered = false;
      this.unacknowledged = 0; // acks of a lost connection never come: the sync covers them
      if (this.presence !== null) this.presence = {};
      socket.emit("sync-step-1", Y.encodeStateVector(doc), (missing) => {
        Y.applyUpdate(doc, new Uint8Array(missing), this);
        this._answered = true;
        this.changed();
      });
      if (awareness.getLocalState() !== null) {
        socket.emit("awareness-update", awarenessProtocol.encodeAwarenessUpdate(awareness, [doc.clientID]));
      }
    });
    socket.on("disconnect", () => {
      const others = [...awareness.getStates().keys()].filter((id) => id !== doc.clientID);
      awarenessProtocol.removeAwarenessStates(awareness, others, this);
    });
    socket.on("session", (session) => {
      this.session = session;
    });
    socket.on("sync-step-1", (stateVector, answer) => {
      answer(Y.encodeStateAsUpdate(doc, new Uint8Array(stateVector)));
      this._asked = true;
    });
    socket.on("sync-update", (update) => Y.applyUpdate(doc, new Uint8Array(update), this));
    socket.on("awareness-update", (update) => {
      awarenessProtocol.applyAwarenessUpdate(awareness, new Uint8Array(update), this);
    });
    socket.on("presence", ({ joined, updated, left }) => {
      if (this.presence === null) return;
      for (const entry of [...joined, ...updated]) this.presence[entry.session] = entry;
      for (const entry of left) delete this.presence[entry.session];
    });
    socket.on("broadcast", (broadcast) => this.broadcasts.push(broadcast));
    doc.on("update", (update, origin) => {
      // Not while offline: the next sync carries it, and socket.io would buffer it for nothing.
      if (origin !== this && socket.connected) this._send(update);
    });
    awareness.on("update", ({ added, updated, removed }, origin) => {
      if (origin === this || !socket.connected) return;
      const ids = [...added, ...updated, ...removed];
      socket.emit("awareness-update", awarenessProtocol.encodeAwarenessUpdate(awareness, ids));
    });
  }

  _send(update) {
    const connection = this.connects;
    this.unacknowledged += 1;
    this.socket.emit("sync-update", update, (ack) => {
      this.acks.push(ack);
      if (connection === this.connects) this.unacknowledged -= 1;
      this.changed();
    });
  }

  connect() {
    this.socket.connect();
  }

  disconnect() {
    this.socket.disconnect();
  }

  destroy() {
    this.socket.disconnect();
    this.awareness.destroy();
    this.doc.destroy();
  }

  state() {
    return {
      ...super.state(),
      session: this.session,
      presence: this.presence,
      broadcasts: this.broadcasts,
      acks: this.acks,
      unacknowledged: this.unacknowledged,
      engine: this.socket.io.engine?.id ?? null,
    };
  }
}

function clean(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
