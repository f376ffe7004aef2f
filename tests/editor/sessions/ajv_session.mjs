// Compiles a schema under ajv's strict mode and judges documents: stdin {schema, editor_keywords, formats, documents}.
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";

const { schema, editor_keywords, formats, documents } = JSON.parse(readFileSync(0, "utf8"));
// A schema of pydantic's names no dialect: it is of the newest.
const Compiler = (schema.$schema ?? "2020-12").includes("2020-12") ? Ajv2020 : Ajv;
const ajv = new Compiler({ strict: true, allErrors: true, allowUnionTypes: false });
ajv.addVocabulary(editor_keywords);
for (const format of formats ?? []) ajv.addFormat(format, true);
const validate = ajv.compile(schema);
console.log(JSON.stringify(documents.map((document) => validate(document))));
