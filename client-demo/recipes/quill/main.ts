import Quill from "quill";
import QuillCursors from "quill-cursors";
import "quill/dist/quill.snow.css";
import { QuillBinding } from "y-quill";
import { connect, whenWritable } from "../around/page";

Quill.register("modules/cursors", QuillCursors);
const provider = connect();
const quill = new Quill("#editor", {
  theme: "snow",
  modules: { cursors: true, history: { userOnly: true }, toolbar: [["bold", "italic", "code"], [{ list: "ordered" }, { list: "bullet" }]] },
});
new QuillBinding(provider.doc.getText("body"), quill, provider.awareness);
whenWritable(provider, (mayWrite) => quill.enable(mayWrite));
