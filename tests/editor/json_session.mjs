// Answers, as VS Code's JSON editor would, about each document on stdin: {text, complete?: offset, hover?: offset}.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import languageService from "vscode-json-languageservice";

const { getLanguageService, TextDocument } = languageService;

const service = getLanguageService({
  schemaRequestService: async (uri) => readFileSync(fileURLToPath(uri), "utf8"),
  clientCapabilities: { textDocument: { completion: { completionItem: { documentationFormat: ["markdown"] } } } },
});
service.configure({ validate: true, allowComments: false });

const answers = [];
for (const [index, { text, complete, hover }] of JSON.parse(readFileSync(0, "utf8")).entries()) {
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
