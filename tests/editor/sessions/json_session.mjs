// Answers, as VS Code's JSON editor would, about documents: stdin {schemas, documents}. A document is {text, complete?:
// offset, hover?: offset}; `schemas` is what the editor's settings say.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import languageService from "vscode-json-languageservice";

const { getLanguageService, TextDocument } = languageService;

const service = getLanguageService({
  schemaRequestService: async (uri) =>
    uri.startsWith("http:") ? (await fetch(uri)).text() : readFileSync(fileURLToPath(uri), "utf8"),
  clientCapabilities: { textDocument: { completion: { completionItem: { documentationFormat: ["markdown"] } } } },
});
const { schemas, documents } = JSON.parse(readFileSync(0, "utf8"));
service.configure({ validate: true, allowComments: false, schemas });

const answers = [];
for (const [index, { text, complete, hover }] of documents.entries()) {
  const document = TextDocument.create(`file:///run-${index}.json`, "json", 1, text);
  const parsed = service.parseJSONDocument(document);
  const answer = { diagnostics: await service.doValidation(document, parsed) };
  if (complete !== undefined) {
    answer.completion = (await service.doComplete(document, document.positionAt(complete), parsed)).items;
  }
  if (hover !== undefined) {
    answer.hover = (await service.doHover(document, document.positionAt(hover), parsed))?.contents ?? null;
  }
  answers.push(answer);
}
console.log(JSON.stringify(answers));
