/** The same for React. */
import { keepOffline } from "collab-client/offline";
import { CollabDocument, useDoc, useOthers, usePresence, useProvider, useSelf, useStatus, useUnsaved } from "collab-client/react";
import { StrictMode, useEffect, type ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { document_, server, tellTyping, token, user } from "./page";

export { user };

/** Show `children` inside of the document, below its status and the others' names. */
export function show(children: ReactNode): void {
  createRoot(document.getElementById("root")!).render(
    <StrictMode>
      <CollabDocument url={server} name={document_} token={token} user={user} local={keepOffline} subject={user.name}>
        <Bar />
        {children}
      </CollabDocument>
    </StrictMode>,
  );
}

export function useMayWrite(): boolean {
  const { role } = useSelf();
  return role !== "viewer" && role !== "commenter";
}

function Bar() {
  const status = useStatus();
  const unsaved = useUnsaved();
  const error = useProvider()?.error?.message;
  const names = useOthers<string, { typing?: boolean }>((others) =>
    others.map(({ user, state }) => `${user.name ?? "?"}${state.typing ? " is typing" : ""}`).join(", "),
  );
  const doc = useDoc();
  const [, present] = usePresence<{ typing: boolean }>();
  useEffect(() => tellTyping(doc, (typing) => present({ typing })), [doc, present]);
  const words = status === "live" && unsaved === 0 ? "Saved" : `${status}, ${unsaved} unsaved`;
  return <p><output id="status">{error ?? words}</output> <output id="people">{names}</output></p>;
}
