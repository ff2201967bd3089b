import { defaultKeymap } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { Compartment, EditorState } from "@codemirror/state";
import { drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import * as Y from "yjs";
import { connect, whenWritable } from "../around/page";

const provider = connect();
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

whenWritable(provider, (mayWrite) => view.dispatch({ effects: writable.reconfigure(EditorView.editable.of(mayWrite)) }));
