import { BlockNoteEditor } from "@blocknote/core";
import { withCollaboration } from "@blocknote/core/yjs";
import { HocuspocusProvider } from "@hocuspocus/provider";
import { doc, document_, me, place, ready, websockets } from "./page.js";

const provider = new HocuspocusProvider({ url: `${websockets}/hocuspocus`, name: document_, document: doc });
const fragment = doc.getXmlFragment("blocknote");
const editor = BlockNoteEditor.create(withCollaboration({ collaboration: { provider, fragment, user: me } }));
editor.mount(place);
ready(provider, () => editor.document.map((block) => (block.content ?? []).map((run) => run.text).join("")).join("\n"));
