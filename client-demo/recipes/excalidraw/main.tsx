import { CaptureUpdateAction, Excalidraw, reconcileElements, restoreElements } from "@excalidraw/excalidraw";
import "@excalidraw/excalidraw/index.css";
import type { ExcalidrawElement, OrderedExcalidrawElement } from "@excalidraw/excalidraw/element/types";
import type { Collaborator, ExcalidrawImperativeAPI, SocketId } from "@excalidraw/excalidraw/types";
import { useDoc, useProvider } from "collab-client/react";
import { useEffect, useState } from "react";
import { show, useMayWrite } from "../around/Page";

function Board() {
  const doc = useDoc();
  const provider = useProvider();
  const [api, setApi] = useState<ExcalidrawImperativeAPI | null>(null);
  const [loaded, setLoaded] = useState(false); // before that Excalidraw would forget what is drawn
  const [words, setWords] = useState("");
  const mayWrite = useMayWrite();
  const elements = doc.getMap<ExcalidrawElement>("elements"); // each element is one value: the newer version wins

  useEffect(() => {
    if (api === null || !loaded) return;
    const draw = (): void => {
      const theirs = restoreElements([...elements.values()], null) as Parameters<typeof reconcileElements>[1];
      const all = reconcileElements(api.getSceneElementsIncludingDeleted(), theirs, api.getAppState());
      api.updateScene({ elements: all, captureUpdate: CaptureUpdateAction.NEVER });
    };
    const observe = (_event: unknown, { local }: { local: boolean }): void => void (local || draw());
    elements.observe(observe);
    draw();
    return () => elements.unobserve(observe);
  }, [api, loaded, elements]);

  useEffect(() => {
    if (api === null || provider === null) return;
    const { awareness } = provider;
    const draw = (): void => {
      const others = [...awareness.getStates()].filter(([id]) => id !== doc.clientID);
      const collaborators = new Map(others.map(([id, { user, pointer, selected }]) => {
        const color = { background: user?.color ?? "#4f46e5", stroke: user?.color ?? "#4f46e5" };
        return [String(id) as SocketId, { username: user?.name ?? "?", color, pointer, selectedElementIds: selected } as Collaborator];
      }));
      api.updateScene({ collaborators });
    };
    awareness.on("change", draw);
    draw();
    return () => awareness.off("change", draw);
  }, [api, doc, provider]);

  const save = (now: readonly OrderedExcalidrawElement[]): void => {
    setWords(now.map((element) => (element.type === "text" && !element.isDeleted ? element.text : "")).join(" "));
    const changed = now.filter((element) => element.version > (elements.get(element.id)?.version ?? 0));
    if (mayWrite && changed.length > 0) doc.transact(() => changed.forEach((element) => elements.set(element.id, { ...element })));
  };
  const present = (field: string, value: unknown): void => provider?.awareness.setLocalStateField(field, value);
  return (
    <div className="board">
      <Excalidraw
        excalidrawAPI={setApi} isCollaborating viewModeEnabled={!mayWrite}
        onChange={(now, { selectedElementIds }) => (setLoaded(true), save(now), present("selected", selectedElementIds))}
        onPointerUpdate={({ pointer }) => present("pointer", pointer)}
      />
      <output id="words">{words}</output>
    </div>
  );
}

show(<Board />);
