// Lays texts out as the page does: reads [source, format, said, written, to, secrets] of each as JSON, prints the results.
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";

const page = fileURLToPath(new URL("../../../../src/trainspec/service/page/", import.meta.url));
const { build } = createRequire(page)("esbuild");
const made = await build({
  absWorkingDir: page,
  entryPoints: ["source/converting/index.ts"],
  bundle: true,
  write: false,
  format: "esm",
});
const { carriedOver } = await import(`data:text/javascript,${encodeURIComponent(made.outputFiles[0].text)}`);

let given = "";
for await (const part of process.stdin) given += part;
const told = JSON.parse(given).map(([text, format, said, ...rest]) => carriedOver({ text, format, said }, ...rest));
console.log(JSON.stringify(told));
