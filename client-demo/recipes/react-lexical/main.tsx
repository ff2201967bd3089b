import { CollaborationPlugin } from "@lexical/react/LexicalCollaborationPlugin";
import { LexicalCollaboration } from "@lexical/react/LexicalCollaborationContext";
import { LexicalComposer } from "@lexical/react/LexicalComposer";
import { useLexicalComposerContext } from "@lexical/react/LexicalComposerContext";
import { ContentEditable } from "@lexical/react/LexicalContentEditable";
import { LexicalErrorBoundary } from "@lexical/react/LexicalErrorBoundary";
import { RichTextPlugin } from "@lexical/react/LexicalRichTextPlugin";
import type { Provider } from "@lexical/yjs";
import type { CollabProvider } from "collab-client";
import { useEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { connect, user, whenWritable } from "../around/page";

function Text() {
  const [doc] = useState(() => new Y.Doc());
  const [awareness] = useState(() => new Awareness(doc));
  const [provider, setProvider] = useState<CollabProvider | null>(null);
  const made = useRef<CollabProvider | null>(null);
  const carets = useRef<HTMLDivElement>(null);
  const [lexical] = useState(() => ({
    awareness: Object.assign(Object.create(awareness), {
      // Lexical sets all that the others see of us; what it does not know of stays.
      setLocalState: (state: object | null) => awareness.setLocalState(state && { ...awareness.getLocalState(), ...state }),
    }),
    // Lexical shows only what comes after it began to listen; then it calls this.
    connect: () => setProvider((made.current ??= connect(doc, awareness))),
    disconnect: () => undefined,
    on: () => undefined,
    off: () => undefined,
  }) as unknown as Provider);
  const [factory] = useState(() => (id: string, docs: Map<string, Y.Doc>) => (docs.set(id, doc), lexical));
  return (
    <LexicalCollaboration>
      <LexicalComposer initialConfig={{ namespace: "recipe", editorState: null, onError: (error) => { throw error; } }}>
        <div className="paper">
          <RichTextPlugin contentEditable={<ContentEditable />} ErrorBoundary={LexicalErrorBoundary} />
          <div ref={carets} className="carets" />
        </div>
        <CollaborationPlugin
          id="content" providerFactory={factory} shouldBootstrap={false}
          username={user.name} cursorColor={user.color} cursorsContainerRef={carets}
        />
        <Writable provider={provider} />
      </LexicalComposer>
    </LexicalCollaboration>
  );
}

function Writable({ provider }: { provider: CollabProvider | null }) {
  const [editor] = useLexicalComposerContext();
  useEffect(() => {
    if (provider !== null) whenWritable(provider, (mayWrite) => editor.setEditable(mayWrite));
  }, [editor, provider]);
  return null;
}

createRoot(document.getElementById("root")!).render(<Text />);
