import { Editor } from "@tiptap/core";
import Collaboration from "@tiptap/extension-collaboration";
import CollaborationCaret from "@tiptap/extension-collaboration-caret";
import StarterKit from "@tiptap/starter-kit";
import { useDoc, useProvider } from "collab-client/react";
import { useEffect, useRef, useState } from "react";
import { show, useMayWrite, user } from "../around/Page";

function Text() {
  const doc = useDoc();
  const provider = useProvider(); // null in the first render: there is nothing to show a caret with yet
  const mayWrite = useMayWrite();
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
  useEffect(() => editor?.setEditable(mayWrite), [editor, mayWrite]);
  return <div ref={place} />;
}

show(<Text />);
