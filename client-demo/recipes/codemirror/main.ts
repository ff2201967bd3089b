import { defaultKeymap } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { CollabProvider } from "collab-client";
import { keepOffline } from "collab-client/offline";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import * as Y from "yjs";

const options = new URLSearchParams(location.search);
const name = options.get("name") ?? "Somebody";
const user = { name, color: "#4f46e5", colorLight: "#4f46e533" };
const provider = new CollabProvider("http://127.0.0.1:8080", options.get("document") ?? "program", null, {
  user, token: options.get("token"), local: keepOffline, subject: name,
});
const body = provider.doc.getText("body");

const writable = new Compartment();
const view = new EditorView({
  parent: document.getElementById("editor")!,
  state: EditorState.create({
    doc: body.toString(),
    extensions: [
      lineNumbers(), drawSelection(), javascript(),
      keymap.of([...yUndoManagerKeymap, ...defaultKeymap]),
      yCollab(body, provider.awareness, { undoManager: new Y.UndoManager(body) }),
      writable.of(EditorView.editable.of(true)),
    ],
  }),
});

provider.on("role", (role) => {
  const mayWrite = role === "editor" || role === "admin";
  view.dispatch({ effects: writable.reconfigure(EditorView.editable.of(mayWrite)) });
});
const show = (): void => {
  const words = provider.status === "live" && provider.unsaved === 0 ? "Saved" : `${provider.status}, ${provider.unsaved} unsaved`;
  document.getElementById("status")!.textContent = provider.error?.message ?? words;
  const others = [...provider.awareness.getStates()].filter(([id]) => id !== provider.doc.clientID);
  document.getElementById("people")!.textContent = others.map(([, state]) => state["user"]?.name ?? "?").join(", ");
};
provider.on("details", show);
provider.awareness.on("change", show);
show();
