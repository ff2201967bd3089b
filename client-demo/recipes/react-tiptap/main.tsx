import { Editor } from "@tiptap/core";
import Collaboration from "@tiptap/extension-collaboration";
import CollaborationCaret from "@tiptap/extension-collaboration-caret";
import StarterKit from "@tiptap/starter-kit";
import { keepOffline } from "collab-client/offline";
import { CollabDocument, useDoc, useOthers, useProvider, useSelf, useStatus, useUnsaved } from "collab-client/react";
import { StrictMode, useEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";

const options = new URLSearchParams(location.search);
const user = { name: options.get("name") ?? "Somebody", color: "#4f46e5" };

function Text() {
  const doc = useDoc();
  const provider = useProvider(); // null in the first render: there is nothing to show a caret with yet
  const { role } = useSelf();
  const place = useRef<HTMLDivElement>(null);
  const [editor, setEditor] = useState<Editor | null>(null);
  useEffect(() => {
    if (provider === null) return;
    const made = new Editor({
      element: place.current,
      extensions: [
        StarterKit.configure({ undoRedo: false }), // Yjs undoes one's own steps
        Collaboration.configure({ document: doc, field: "content" }),
        CollaborationCaret.configure({ provider, user }),
      ],
    });
    setEditor(made);
    return () => made.destroy();
  }, [doc, provider]);
  useEffect(() => editor?.setEditable(role === null || role === "editor" || role === "admin"), [editor, role]);
  return <div ref={place} />;
}

function Bar() {
  const status = useStatus();
  const unsaved = useUnsaved();
  const error = useProvider()?.error?.message;
  const names = useOthers((others) => others.map(({ user }) => user.name ?? "?").join(", "));
  const words = status === "live" && unsaved === 0 ? "Saved" : `${status}, ${unsaved} unsaved`;
  return <p><output id="status">{error ?? words}</output> <output id="people">{names}</output></p>;
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <CollabDocument
      url="http://127.0.0.1:8080" name={options.get("document") ?? "text"} token={options.get("token")}
      user={user} local={keepOffline} subject={user.name}
    >
      <Bar />
      <Text />
    </CollabDocument>
  </StrictMode>,
);
