// Changes documents as the page's form does: reads [text, format, path, value] of each as JSON, prints the texts.
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";

const page = fileURLToPath(new URL("../../../../src/trainspec/service/page/", import.meta.url));
const { build } = createRequire(page)("esbuild");
const made = await build({
  absWorkingDir: page,
  entryPoints: ["source/changing/index.ts"],
  bundle: true,
  write: false,
  format: "esm",
});
const { changed } = await import(`data:text/javascript,${encodeURIComponent(made.outputFiles[0].text)}`);

let given = "";
for await (const part of process.stdin) given += part;
// What JSON cannot say: a setting that is taken out.
const told = JSON.parse(given).map(([text, format, path, ...value]) => changed(text, format, path, value[0]));
console.log(JSON.stringify(told));
