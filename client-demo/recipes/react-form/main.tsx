import { useDoc, useOthers, usePresence } from "collab-client/react";
import { useEffect, useReducer, useRef } from "react";
import { bindField } from "../around/field";
import { show, useMayWrite } from "../around/Page";

type Where = { field: string | null };

function Form() {
  const doc = useDoc();
  const form = doc.getMap<string>("form");
  const notes = useRef<HTMLTextAreaElement>(null);
  useEffect(() => bindField(doc.getText("notes"), notes.current!), [doc]);
  const [, render] = useReducer((times: number) => times + 1, 0);
  useEffect(() => {
    form.observe(render);
    render(); // what came since the page was drawn
    return () => form.unobserve(render);
  }, [form]);
  const [, present] = usePresence<Where>();
  const mayWrite = useMayWrite();
  const place = (name: string) => ({
    name,
    readOnly: !mayWrite,
    onFocus: () => present({ field: name }),
    onBlur: () => present({ field: null }),
  });
  /** What a field has; each is one value, and of two at the same time one wins: right for what is short. */
  const field = (name: string) => ({
    ...place(name),
    value: form.get(name) ?? "",
    onChange: ({ target }: { target: { value: string } }) => form.set(name, target.value),
  });
  return (
    <form>
      <label><span>Title <Here field="title" /></span><input {...field("title")} /></label>
      <label><span>Amount <Here field="amount" /></span><input type="number" {...field("amount")} /></label>
      <label><span>Notes <Here field="notes" /></span><textarea rows={6} ref={notes} {...place("notes")} /></label>
    </form>
  );
}

/** Who is in a field; renders when somebody comes to it or leaves. */
function Here({ field }: Where) {
  const names = useOthers<string, Where>((others) =>
    others.filter(({ state }) => state.field === field).map(({ user }) => user.name ?? "?").join(", "),
  );
  return names && <mark className="here">{names}</mark>;
}

show(<Form />);
