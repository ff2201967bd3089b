import { useReducer, useEffect } from "react";
import { CollabDocument, useDoc, useOthers, useStatus, useUnsaved } from "collab-client/react";

export function App() {
  return (
    <CollabDocument url="http://127.0.0.1:8080" name="counter" user={{ name: "Ada", color: "#4f46e5" }}>
      <Counter />
    </CollabDocument>
  );
}

function Counter() {
  const counts = useDoc().getMap<number>("counts");
  const [, render] = useReducer((times: number) => times + 1, 0);
  useEffect(() => {
    counts.observe(render);
    render(); // what came since the page was drawn
    return () => counts.unobserve(render);
  }, [counts]);
  const status = useStatus();
  const unsaved = useUnsaved();
  const names = useOthers((others) => others.map(({ user }) => user.name ?? "Somebody"));
  const key = String(counts.doc?.clientID);
  return (
    <>
      <button onClick={() => counts.set(key, (counts.get(key) ?? 0) + 1)}>
        {[...counts.values()].reduce((sum, each) => sum + each, 0)}
      </button>
      <p>{status === "live" && unsaved === 0 ? "Saved" : status}</p>
      <p>{names.length === 0 ? "Nobody else is here" : `With ${names.join(", ")}`}</p>
    </>
  );
}
