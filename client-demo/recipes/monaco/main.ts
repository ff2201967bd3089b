import "monaco-editor/features/find/register.js";
import "monaco-editor/features/readOnlyMessage/register.js";
import "monaco-editor/languages/definitions/javascript/register.js";
import * as monaco from "monaco-editor/editor/editor.api.js";
import { MonacoBinding } from "y-monaco";
import { connect, whenWritable } from "../around/page";

// Without workers there are colours, but no checks of a language; Monaco's own pages say how to have them.
self.MonacoEnvironment = { getWorker: () => new Worker(URL.createObjectURL(new Blob([""]))) };

const provider = connect();
const editor = monaco.editor.create(document.getElementById("editor")!, { language: "javascript", automaticLayout: true });
const model = editor.getModel()!;
model.setEOL(monaco.editor.EndOfLineSequence.LF); // positions are counted in the shared text, which has no CR
new MonacoBinding(provider.doc.getText("body"), model, new Set([editor]), provider.awareness);
whenWritable(provider, (mayWrite) => editor.updateOptions({ readOnly: !mayWrite, domReadOnly: !mayWrite }));
