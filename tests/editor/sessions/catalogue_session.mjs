// What SchemaStore's repository does with a submission: stdin {schema, known_keywords, own_keywords, documents, formatted};
// a document is {name, text}, a file to format {name, text, order}.
import { text as all } from "node:stream/consumers";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import * as prettier from "prettier";
import * as sortJson from "prettier-plugin-sort-json";
import { parse as parseToml } from "smol-toml";
import { parse as parseYaml } from "yaml";

const { schema, known_keywords, own_keywords, documents, formatted } = JSON.parse(await all(process.stdin));
const ajv = new Ajv({ strict: true });
addFormats.default(ajv);
for (const keyword of [...known_keywords, ...own_keywords]) ajv.addKeyword(keyword);
const validate = ajv.compile(JSON.parse(schema));

const readers = { json: JSON.parse, yaml: parseYaml, toml: parseToml };
const verdicts = documents.map(({ name, text }) => {
  const valid = validate(readers[name.split(".").pop()](text));
  return { name, valid, errors: (validate.errors ?? []).length };
});

const style = { semi: false, singleQuote: true, trailingComma: "all", jsonRecursiveSort: true };
const unformatted = [];
for (const { name, text, order } of formatted) {
  const plugins = name.endsWith(".json") ? [sortJson] : [];
  const options = { ...style, filepath: name, plugins, jsonSortOrder: JSON.stringify(order) };
  // There is no formatter of TOML among theirs.
  if (!name.endsWith(".toml") && (await prettier.format(text, options)) !== text) unformatted.push(name);
}
console.log(JSON.stringify({ verdicts, unformatted }));
