import { HocuspocusProvider } from "@hocuspocus/provider";
import Quill from "quill";
import QuillCursors from "quill-cursors";
import { QuillBinding } from "y-quill";
import { doc, document_, me, place, ready, websockets } from "./page.js";

Quill.register("modules/cursors", QuillCursors);
const provider = new HocuspocusProvider({ url: `${websockets}/hocuspocus`, name: document_, document: doc });
provider.awareness.setLocalStateField("user", me);
const quill = new Quill(place, { modules: { cursors: true } });
new QuillBinding(doc.getText("quill"), quill, provider.awareness);
ready(provider, () => quill.getText());
