import { withCollaboration } from "@blocknote/core/yjs";
import "@blocknote/core/fonts/inter.css";
import { BlockNoteView } from "@blocknote/mantine";
import "@blocknote/mantine/style.css";
import { useCreateBlockNote } from "@blocknote/react";
import type { CollabProvider } from "collab-client";
import { useProvider } from "collab-client/react";
import { show, useMayWrite, user } from "../around/Page";

function Text() {
  const provider = useProvider(); // null in the first render: there is nothing to show a caret with yet
  return provider && <Editor provider={provider} />;
}

function Editor({ provider }: { provider: CollabProvider }) {
  const fragment = provider.doc.getXmlFragment("content");
  const editor = useCreateBlockNote(withCollaboration({ collaboration: { provider, fragment, user } }), [provider]);
  return <BlockNoteView editor={editor} editable={useMayWrite()} />;
}

show(<Text />);
