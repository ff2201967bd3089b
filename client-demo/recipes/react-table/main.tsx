import { useDoc, useOthers, usePresence } from "collab-client/react";
import { useEffect, useReducer } from "react";
import * as Y from "yjs";
import { show, useMayWrite } from "../around/Page";

const COLUMNS = ["item", "amount", "price"];
type Row = Y.Map<string>;
type Where = { cell: string | null };

function Table() {
  const rows = useDoc().getArray<Row>("rows");
  const [, render] = useReducer((times: number) => times + 1, 0);
  useEffect(() => {
    rows.observeDeep(render);
    render(); // what came since the page was drawn
    return () => rows.unobserveDeep(render);
  }, [rows]);
  const mayWrite = useMayWrite();
  return (
    <>
      <table>
        <thead><tr>{COLUMNS.map((column) => <th key={column}>{column}</th>)}</tr></thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={row.get("id")}>
              {COLUMNS.map((column) => <Cell key={column} row={row} column={column} mayWrite={mayWrite} />)}
              <td><button disabled={!mayWrite} onClick={() => rows.delete(index)}>Delete</button></td>
            </tr>
          ))}
        </tbody>
      </table>
      <button disabled={!mayWrite} onClick={() => rows.push([new Y.Map([["id", crypto.randomUUID()]])])}>Add a row</button>
    </>
  );
}

function Cell({ row, column, mayWrite }: { row: Row; column: string; mayWrite: boolean }) {
  const cell = `${row.get("id")} ${column}`;
  const [, present] = usePresence<Where>();
  const here = useOthers<string, Where>((others) =>
    others.filter(({ state }) => state.cell === cell).map(({ user }) => user.name ?? "?").join(", "),
  );
  return (
    <td title={here || undefined}>
      <input
        name={column} aria-label={column} readOnly={!mayWrite} value={row.get(column) ?? ""}
        onChange={({ target }) => row.set(column, target.value)}
        onFocus={() => present({ cell })} onBlur={() => present({ cell: null })}
      />
    </td>
  );
}

show(<Table />);
