/** What is around an editor: who one is, the connection and its status, who else is here, and who is typing. */
import { CollabProvider } from "collab-client";
import { keepOffline } from "collab-client/offline";
import type { Awareness } from "y-protocols/awareness";
import type * as Y from "yjs";

const options = new URLSearchParams(location.search);
export const server = "http://127.0.0.1:8080";
export const document_ = options.get("document") ?? "recipe";
export const token = options.get("token");

/** With a token, the server says what somebody is called; a name always has the same colour. */
const name = options.get("name") ?? "Somebody";
const letters = [...name].reduce((sum, letter) => sum + letter.codePointAt(0)!, 0);
export const user = { name, color: ["#4f46e5", "#c2410c", "#047857", "#be185d", "#0369a1"][letters % 5]! };

/** Connect; `#status` and `#people` of the page tell of it. */
export function connect(doc: Y.Doc | null = null, awareness?: Awareness): CollabProvider {
  const provider = new CollabProvider(server, document_, doc, { user, token, local: keepOffline, subject: name, ...(awareness && { awareness }) });
  const show = (): void => {
    const words = provider.status === "live" && provider.unsaved === 0 ? "Saved" : `${provider.status}, ${provider.unsaved} unsaved`;
    document.getElementById("status")!.textContent = provider.error?.message ?? words;
    const others = [...provider.awareness.getStates()].filter(([id]) => id !== provider.doc.clientID);
    document.getElementById("people")!.textContent = others.map(([, { user, typing }]) => `${user?.name ?? "?"}${typing ? " is typing" : ""}`).join(", ");
  };
  provider.on("details", show);
  provider.awareness.on("change", show);
  show();
  tellTyping(provider.doc, (typing) => provider.awareness.setLocalStateField("typing", typing));
  return provider;
}

/** Call `set` now, and whenever one may write or no longer may. */
export function whenWritable(provider: CollabProvider, set: (mayWrite: boolean) => void): void {
  const look = (): void => set(provider.role !== "viewer" && provider.role !== "commenter");
  provider.on("role", look);
  look();
}

/** Whoever changed something within two seconds is typing. */
export function tellTyping(doc: Y.Doc, tell: (typing: boolean) => void): () => void {
  let rest: ReturnType<typeof setTimeout> | undefined;
  const listen = (_update: Uint8Array, _origin: unknown, _doc: unknown, { local }: { local: boolean }): void => {
    if (!local) return;
    if (rest === undefined) tell(true);
    clearTimeout(rest);
    rest = setTimeout(() => tell(((rest = undefined), false)), 2000);
  };
  doc.on("update", listen);
  return () => (clearTimeout(rest), doc.off("update", listen));
}
