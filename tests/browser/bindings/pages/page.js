// What all pages have in common: who somebody is, where the document is, and what a test may look at.

import * as Y from "yjs";

const asked = new URLSearchParams(location.search);

export const me = { name: asked.get("name"), color: asked.get("color") };
export const document_ = asked.get("document");
export const server = asked.get("server");
export const websockets = server.replace("http", "ws");
export const doc = new Y.Doc();
export const place = document.body.appendChild(document.createElement("main"));

/** Say that the page can be used; `words` is what its editor shows as text. */
export function ready(provider, words) {
  window.words = words;
  const there = () => document.body.setAttribute("data-synced", "");
  if (provider.synced) there();
  provider.on("synced", there);
  provider.on("sync", (synced) => synced !== false && there());
}
