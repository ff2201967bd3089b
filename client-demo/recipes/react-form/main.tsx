import { useDoc, useOthers, usePresence } from "collab-client/react";
import { useEffect, useReducer } from "react";
import { show, useMayWrite } from "../around/Page";

type Where = { field: string | null };

function Form() {
  const form = useDoc().getMap<string>("form");
  const [, render] = useReducer((times: number) => times + 1, 0);
  useEffect(() => {
    form.observe(render);
    render(); // what came since the page was drawn
    return () => form.unobserve(render);
  }, [form]);
  const [, present] = usePresence<Where>();
  const mayWrite = useMayWrite();
  /** What a field has; each field is one value, and of two at the same time one wins. */
  const field = (name: string) => ({
    name,
    value: form.get(name) ?? "",
    readOnly: !mayWrite,
    onChange: ({ target }: { target: { value: string } }) => form.set(name, target.value),
    onFocus: () => present({ field: name }),
    onBlur: () => present({ field: null }),
  });
  return (
    <form>
      <label><span>Title <Here field="title" /></span><input {...field("title")} /></label>
      <label><span>Amount <Here field="amount" /></span><input type="number" {...field("amount")} /></label>
      <label><span>Notes <Here field="notes" /></span><textarea rows={6} {...field("notes")} /></label>
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
