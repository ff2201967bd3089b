// A piece of network cable between one client and the server, with a pair of pliers.
//
// A client that calls `disconnect()` says goodbye first. Networks do not: cutting the link destroys
// its TCP connections under the client's and the server's feet, with whatever was on the way.

import net from "node:net";

export class Link {
  /** @param {string} url of the server; read anew for every connection */
  constructor(url) {
    const { hostname, port } = new URL(url);
    this._target = { host: hostname, port: Number(port) };
    this._pairs = new Set();
    this._whole = true;
    this._server = net.createServer((client) => this._join(client));
  }

  /** Begin to listen; the link's own address is in `url` afterwards. */
  async open() {
    await new Promise((resolve, reject) => {
      this._server.once("error", reject);
      this._server.listen(0, "127.0.0.1", resolve);
    });
    this.url = `http://127.0.0.1:${this._server.address().port}`;
  }

  /** Destroy every connection, and every new one until `mend()`. */
  cut() {
    this._whole = false;
    for (const pair of this._pairs) for (const socket of pair) socket.destroy();
  }

  /** Let new connections through again. */
  mend() {
    this._whole = true;
  }

  _join(client) {
    if (!this._whole) {
      client.destroy();
      return;
    }
    const server = net.connect(this._target);
    const pair = [client, server];
    this._pairs.add(pair);
    for (const [from, to] of [pair, [server, client]]) {
      from.setNoDelay(true);
      from.on("error", () => {}); // "close" follows
      from.on("close", () => {
        this._pairs.delete(pair);
        to.destroy();
      });
      // Not pipe(): it would half-close, and wait, where a lost connection has to be seen at once.
      from.on("data", (bytes) => {
        if (!to.write(bytes)) from.pause();
      });
      to.on("drain", () => from.resume());
      from.on("end", () => to.end());
    }
  }
}
