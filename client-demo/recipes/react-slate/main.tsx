import { slateNodesToInsertDelta, withCursors, withYHistory, withYjs, YjsEditor } from "@slate-yjs/core";
import { getRemoteCaretsOnLeaf, getRemoteCursorsOnLeaf, useDecorateRemoteCursors } from "@slate-yjs/react";
import type { CollabProvider } from "collab-client";
import { useDoc, useProvider, useSelf, useSynced } from "collab-client/react";
import { useEffect, useReducer, useState } from "react";
import { createEditor, type Descendant } from "slate";
import { Editable, Slate, withReact, type RenderLeafProps } from "slate-react";
import * as Y from "yjs";
import { show, useMayWrite, user } from "../around/Page";

const EMPTY = [{ type: "paragraph", children: [{ text: "" }] }] as Descendant[];

function Text() {
  const doc = useDoc();
  const root = doc.get("content", Y.XmlText);
  const provider = useProvider();
  const synced = useSynced();
  const { role } = useSelf();
  const [, render] = useReducer((times: number) => times + 1, 0);
  useEffect(() => {
    root.observe(render);
    render(); // what came since the page was drawn
    return () => root.unobserve(render);
  }, [root]);
  useEffect(() => {
    if (!synced || root.length > 0 || (role !== "editor" && role !== "admin")) return;
    // Slate needs a first paragraph. Always of the same client, it is one however many people add it.
    const first = new Y.Doc();
    first.clientID = 1;
    first.get("content", Y.XmlText).applyDelta(slateNodesToInsertDelta(EMPTY));
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(first));
  }, [doc, root, synced, role]);
  return provider && root.length > 0 ? <Editor root={root} provider={provider} /> : null;
}

type Caret = { name: string; color: string };

function Editor({ root, provider }: { root: Y.XmlText; provider: CollabProvider }) {
  const [editor] = useState(() => {
    const shared = withCursors<Caret, YjsEditor>(withYjs(createEditor(), root), provider.awareness, { data: user });
    return withReact(withYHistory(shared));
  });
  useEffect(() => {
    YjsEditor.connect(editor);
    return () => YjsEditor.disconnect(editor);
  }, [editor]);
  return (
    <Slate editor={editor} initialValue={EMPTY}>
      <Lines />
    </Slate>
  );
}

function Lines() {
  const decorate = useDecorateRemoteCursors<Caret>({ carets: true });
  return <Editable className="text" readOnly={!useMayWrite()} decorate={decorate} renderLeaf={Leaf} />;
}

function Leaf({ attributes, children, leaf }: RenderLeafProps) {
  for (const { data } of getRemoteCursorsOnLeaf<Caret, typeof leaf>(leaf)) {
    children = <span style={{ background: `${data?.color}33` }}>{children}</span>;
  }
  for (const { data } of getRemoteCaretsOnLeaf<Caret, typeof leaf>(leaf)) {
    children = <><span className="caret" contentEditable={false} style={{ borderColor: data?.color }}><span style={{ color: data?.color }}>{data?.name}</span></span>{children}</>;
  }
  return <span {...attributes}>{children}</span>;
}

show(<Text />);
