import * as monaco from "monaco-editor";
import { MonacoBinding } from "y-monaco";
import { SocketIOProvider } from "y-socket.io";
import { doc, document_, me, place, ready, server } from "./page.js";

// Without workers: nothing here asks for a language.
window.MonacoEnvironment = { getWorker: () => new Worker(URL.createObjectURL(new Blob([""]))) };
const provider = new SocketIOProvider(server, document_, doc, {});
provider.awareness.setLocalStateField("user", me);
place.style.height = "300px";
const editor = monaco.editor.create(place, { value: "", language: "plaintext" });
new MonacoBinding(doc.getText("monaco"), editor.getModel(), new Set([editor]), provider.awareness);
ready(provider, () => editor.getValue());
