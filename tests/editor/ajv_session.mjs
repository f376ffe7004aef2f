// Compiles a schema under ajv's strict mode and judges documents: stdin {schema, editor_keywords, documents}.
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";

const { schema, editor_keywords, documents } = JSON.parse(readFileSync(0, "utf8"));
const Compiler = schema.$schema.includes("2020-12") ? Ajv2020 : Ajv;
const ajv = new Compiler({ strict: true, allErrors: true, allowUnionTypes: false });
ajv.addVocabulary(editor_keywords);
const validate = ajv.compile(schema);
console.log(JSON.stringify(documents.map((document) => validate(document))));
