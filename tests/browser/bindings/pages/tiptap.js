import { Editor } from "@tiptap/core";
import Collaboration from "@tiptap/extension-collaboration";
import CollaborationCaret from "@tiptap/extension-collaboration-caret";
import StarterKit from "@tiptap/starter-kit";
import { WebsocketProvider } from "y-websocket";
import { doc, document_, me, place, ready, websockets } from "./page.js";

const provider = new WebsocketProvider(`${websockets}/ws`, document_, doc);
const editor = new Editor({
  element: place,
  extensions: [
    StarterKit.configure({ undoRedo: false }),
    Collaboration.configure({ document: doc, field: "tiptap" }),
    CollaborationCaret.configure({ provider, user: me }),
  ],
});
ready(provider, () => editor.getText());
