// Shares a large local document for the first time, and sees whether it arrives.
//
//   node whole.mjs '{"url", "document", "kind", "bytes", "transports"?, "auth"?, "reader"?, "patience"}'
//
// `kind`: "y-socket.io", or "socket.io" (answers step 1 in its ack), or "edit" (sends all as one sync-update).
// The document is made of small edits, none of which the CRDT can join with the next one. Out: what a second
// client that came with nothing has in the end, and what the first one was told.

import { io } from "socket.io-client";
import * as Y from "yjs";
import { KINDS } from "./protocol-clients.mjs";

const options = JSON.parse(process.argv[2]);
const { url, document, kind, bytes, transports = ["websocket"], auth = {}, reader = auth, patience = 120 } = options;

/** Fill `doc` until its encoded state has `size` bytes. */
function grow(doc, size) {
  const body = doc.getText("body");
  let seed = 1;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  let encoded = 0;
  const typed = `${"a small edit of somebody ".repeat(8)}`;
  doc.on("update", (update) => (encoded += update.byteLength));
  while (encoded < size) {
    doc.transact(() => {
      for (let count = 0; count < 500; count += 1) {
        const word = typed.slice(0, 1 + random(options.word ?? 60));
        body.insert(body.length < 2 ? 0 : random(Math.min(body.length, 400)), word);
      }
    });
  }
}

function until(look, seconds) {
  return new Promise((resolve) => {
    const end = Date.now() + 1000 * seconds;
    const timer = setInterval(() => {
      if (!look() && Date.now() < end) return;
      clearInterval(timer);
      resolve(look());
    }, 50);
  });
}

const same = (one, other) => Buffer.compare(Y.encodeStateVector(one), Y.encodeStateVector(other)) === 0;

const began = Date.now();
let author;
const acks = [];
if (kind === "edit") {
  const doc = new Y.Doc();
  grow(doc, bytes);
  const socket = io(`${url}/doc/${document}`, { transports, auth, forceNew: true });
  author = { doc, socket, notices: [], errors: [], disconnects: [], destroy: () => socket.disconnect() };
  socket.on("notice", (notice) => author.notices.push(notice));
  socket.on("disconnect", (reason) => author.disconnects.push(reason));
  socket.on("sync-step-1", (vector, answer) => {
    answer(new Uint8Array([0, 0]));
    socket.emit("sync-update", Y.encodeStateAsUpdate(doc, new Uint8Array(vector)), (ack) => acks.push(ack));
  });
} else {
  const doc = new Y.Doc();
  grow(doc, bytes);
  author = new KINDS[kind]({ url, document, transports, auth, doc }, () => undefined);
}
const size = Y.encodeStateAsUpdate(author.doc).byteLength;
const built = Date.now();
const witness = new KINDS["y-socket.io"]({ url, document, auth: reader }, () => undefined);
const arrived = await until(() => same(author.doc, witness.doc) || (options.refused && author.notices.length > 0), patience);
const result = {
  size,
  arrived: arrived && same(author.doc, witness.doc),
  equal: author.doc.getText("body").toString() === witness.doc.getText("body").toString(),
  building: (built - began) / 1000,
  seconds: (Date.now() - built) / 1000,
  notices: author.notices,
  disconnects: author.disconnects,
  errors: author.errors,
  acks,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
