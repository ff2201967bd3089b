import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { yCollab } from "y-codemirror.next";
import { WebsocketProvider } from "y-websocket";
import { doc, document_, me, place, ready, websockets } from "./page.js";

const provider = new WebsocketProvider(`${websockets}/ws`, document_, doc);
provider.awareness.setLocalStateField("user", me);
const text = doc.getText("codemirror");
const view = new EditorView({
  state: EditorState.create({ doc: text.toString(), extensions: [yCollab(text, provider.awareness)] }),
  parent: place,
});
ready(provider, () => view.state.doc.toString());
