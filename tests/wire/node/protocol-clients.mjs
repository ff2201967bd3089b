// Providers of the other wires: y-websocket and Hocuspocus, each in all versions that people have.

import { HocuspocusProvider as Hocuspocus4, HocuspocusProviderWebsocket as Socket4 } from "@hocuspocus/provider";
import { HocuspocusProvider as Hocuspocus2, HocuspocusProviderWebsocket as Socket2 } from "hocuspocus-provider-2";
import { HocuspocusProvider as Hocuspocus3, HocuspocusProviderWebsocket as Socket3 } from "hocuspocus-provider-3";
import NodeWebSocket from "ws";
import { WebsocketProvider as YWebsocket3 } from "y-websocket";
import { WebsocketProvider as YWebsocket2 } from "y-websocket-2";
import { Client, PlainClient, YSocketIOClient } from "./clients.mjs";

/** As in a browser, where an error that nobody listens for is no exception. */
class WebSocket extends NodeWebSocket {
  constructor(...args) {
    super(...args);
    this.on("error", () => {});
  }
}

/** Milliseconds between two attempts to connect: tests do not want to wait for seconds. */
const SOON = 200;

const websocketUrl = (url) => url.replace(/^http/, "ws");

/** `WebsocketProvider` of the npm package y-websocket, on `/ws/<document>`. */
class YWebSocketClient extends Client {
  constructor(WebsocketProvider, { url, document, token, awareness = {}, tabs = false }, changed) {
    super(changed);
    this.closes = [];
    this.provider = new WebsocketProvider(`${websocketUrl(url)}/ws`, document, this.doc, {
      connect: false,
      params: token === undefined ? {} : { token },
      WebSocketPolyfill: WebSocket,
      disableBc: !tabs,
      maxBackoffTime: SOON,
    });
    this.awareness = this.provider.awareness;
    this.awareness.setLocalState(awareness);
    this.doc.on("update", changed);
    this.awareness.on("update", changed);
    this.provider.on("sync", changed);
    this.provider.on("status", ({ status }) => {
      if (status === "connected") this.connects += 1;
      changed();
    });
    this.provider.on("connection-close", (event) => {
      this.closes.push({ code: event?.code ?? null, reason: event?.reason ?? null });
      changed();
    });
    this.provider.connect();
  }

  get connected() {
    return this.provider.wsconnected;
  }

  get transport() {
    return this.connected ? "websocket" : null;
  }

  get synced() {
    return this.provider.synced;
  }

  /** What the wire does not say: nothing is known to be waiting. */
  get unacknowledged() {
    return 0;
  }

  connect() {
    this.provider.connect();
  }

  disconnect() {
    this.provider.disconnect();
  }

  destroy() {
    this.provider.destroy();
    this.doc.destroy();
  }

  state() {
    return { ...super.state(), closes: this.closes.slice(-5), retrying: this.provider.shouldConnect };
  }
}

/** Sockets that several providers share, by the name that a test gives them. */
const sockets = new Map();

/** `HocuspocusProvider` on `/hocuspocus`; clients with the same `socket` share one WebSocket. */
class HocuspocusClient extends Client {
  constructor(version, options, changed) {
    super(changed);
    const { url, document, token, awareness = {}, socket, sessions = false, flushDelay } = options;
    const { Provider, Socket } = version;
    this.closes = [];
    this.denied = [];
    this.scopes = [];
    this.stateless = [];
    this.tokens = [token ?? null];
    this._shared = socket !== undefined;
    if (this._shared) {
      const key = `${version.name} ${url} ${socket}`;
      if (!sockets.has(key)) sockets.set(key, makeSocket(Socket, url));
      this.websocket = sockets.get(key);
    } else {
      this.websocket = makeSocket(Socket, url);
    }
    this.provider = new Provider({
      websocketProvider: this.websocket,
      name: document,
      document: this.doc,
      token: version.name === 2 ? (token ?? null) : () => this.tokens.at(-1),
      broadcast: false,
      preserveConnection: true,
      sessionAwareness: sessions,
      flushDelay: flushDelay ?? false,
      onAuthenticationFailed: ({ reason }) => this.denied.push(reason),
      onAuthenticated: () => this.scopes.push(this.provider.authorizedScope),
      onStateless: ({ payload }) => this.stateless.push(payload),
      onClose: ({ event }) => this.closes.push({ code: event.code, reason: event.reason }),
    });
    this.awareness = this.provider.awareness;
    this.doc.on("update", changed);
    this.awareness.on("update", changed);
    for (const event of ["synced", "authenticated", "authenticationFailed", "unsyncedChanges", "stateless", "close"]) {
      this.provider.on(event, changed);
    }
    this.websocket.on("status", ({ status }) => {
      if (status === "connected") this.connects += 1;
      changed();
    });
    this.awareness.setLocalState(awareness);
    this.provider.attach?.(); // version 2 does so by itself
  }

  get connected() {
    return this.websocket.status === "connected";
  }

  get transport() {
    return this.connected ? "websocket" : null;
  }

  get synced() {
    return this.provider.synced && this.connected;
  }

  get unacknowledged() {
    return this.provider.unsyncedChanges;
  }

  connect() {
    // Before its old connection has closed, the provider ignores it.
    if (this.connected) setTimeout(() => this.connect(), 20);
    else this.websocket.connect();
  }

  disconnect() {
    this.websocket.disconnect();
  }

  destroy() {
    this.provider.destroy();
    if (!this._shared) this.websocket.destroy();
    this.doc.destroy();
  }

  state() {
    return {
      ...super.state(),
      closes: this.closes.slice(-5),
      denied: this.denied,
      scopes: this.scopes,
      stateless: this.stateless,
      unacknowledged: this.unacknowledged,
    };
  }
}

function makeSocket(Socket, url) {
  return new Socket({
    url: `${websocketUrl(url)}/hocuspocus`,
    WebSocketPolyfill: WebSocket,
    delay: SOON,
    minDelay: SOON / 2,
    maxDelay: SOON,
  });
}

const HOCUSPOCUS = [
  { name: 2, Provider: Hocuspocus2, Socket: Socket2 },
  { name: 3, Provider: Hocuspocus3, Socket: Socket3 },
  { name: 4, Provider: Hocuspocus4, Socket: Socket4 },
];

/** Every kind of client by the name that commands use. */
export const KINDS = {
  "y-socket.io": YSocketIOClient,
  "socket.io": PlainClient,
  "y-websocket-2": YWebSocketClient.bind(null, YWebsocket2),
  "y-websocket-3": YWebSocketClient.bind(null, YWebsocket3),
  ...Object.fromEntries(
    HOCUSPOCUS.map((version) => [`hocuspocus-${version.name}`, HocuspocusClient.bind(null, version)]),
  ),
};
