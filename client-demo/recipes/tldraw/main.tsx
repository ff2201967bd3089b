import { getAssetUrlsByImport } from "@tldraw/assets/imports.vite";
import type { CollabProvider } from "collab-client";
import { useProvider } from "collab-client/react";
import { useEffect, useState } from "react";
import {
  atom, createPresenceStateDerivation, createTLStore, InstancePresenceRecordType, react, Tldraw,
  type Editor, type TLInstancePresence, type TLRecord, type TLStore, type TLUser, UserRecordType,
} from "tldraw";
import "tldraw/tldraw.css";
import { show, useMayWrite, user } from "../around/Page";

const assetUrls = getAssetUrlsByImport(); // fonts, icons and words come along with the page

/** Keep the store's records in the document: each is one value. */
function bindRecords(store: TLStore, provider: CollabProvider): () => void {
  const records = provider.doc.getMap<TLRecord>("records");
  const take = (ids: Iterable<string>): void => store.mergeRemoteChanges(() => {
    for (const id of ids) {
      const record = records.get(id);
      if (record === undefined) store.remove([id as TLRecord["id"]]);
      else store.put([record]);
    }
  });
  const observe = ({ keysChanged }: { keysChanged: Set<string> }, { local }: { local: boolean }): void => void (local || take(keysChanged));
  store.ensureStoreIsUsable(); // the first page has always the same id: nobody has to send it
  records.observe(observe);
  take(records.keys());
  const stop = store.listen(({ changes: { added, updated, removed } }) => provider.doc.transact(() => {
    const changed = [...Object.values(added), ...Object.values(updated).map(([, now]) => now)];
    // Who somebody is, is told while he is here: a record for each visit would stay for good.
    for (const record of changed) if (record.typeName !== "user") records.set(record.id, record);
    for (const id of Object.keys(removed)) records.delete(id);
  }), { source: "user", scope: "document" });
  return () => (records.unobserve(observe), stop());
}

/** Show our pointer and selection to the others, and theirs to us. */
function bindPeople(store: TLStore, { awareness, doc }: CollabProvider): () => void {
  const id = (client: number): TLInstancePresence["id"] => InstancePresenceRecordType.createId(String(client));
  const me = atom<TLUser>("me", UserRecordType.create({ id: UserRecordType.createId(String(doc.clientID)), ...user }));
  const presence = createPresenceStateDerivation(me, { instanceId: id(doc.clientID) })(store);
  const stop = react("presence", () => awareness.setLocalStateField("presence", presence.get()));
  const take = (): void => store.mergeRemoteChanges(() => {
    const others = [...awareness.getStates()].filter(([client, state]) => client !== doc.clientID && state["presence"]);
    const here = new Set(others.map(([client]) => id(client)));
    store.remove([...store.query.ids("instance_presence").get()].filter((each) => !here.has(each)));
    store.put(others.map(([, state]) => state["presence"] as TLInstancePresence));
  });
  awareness.on("change", take);
  take();
  return () => (stop(), awareness.off("change", take));
}

function Board({ provider }: { provider: CollabProvider }) {
  const [store] = useState(() => createTLStore());
  const [editor, setEditor] = useState<Editor | null>(null);
  const mayWrite = useMayWrite();
  useEffect(() => bindRecords(store, provider), [store, provider]);
  useEffect(() => bindPeople(store, provider), [store, provider]);
  useEffect(() => void editor?.updateInstanceState({ isReadonly: !mayWrite }), [editor, mayWrite]);
  return <div className="board"><Tldraw store={store} assetUrls={assetUrls} onMount={setEditor} /></div>;
}

function Room() {
  const provider = useProvider();
  return provider && <Board provider={provider} />;
}

show(<Room />);
