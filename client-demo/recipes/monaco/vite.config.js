// y-monaco knows Monaco's interface by the path that it had before 0.53.
export default {
  resolve: { alias: { "monaco-editor/esm/vs/editor/editor.api.js": "monaco-editor/editor/editor.api.js" } },
};
