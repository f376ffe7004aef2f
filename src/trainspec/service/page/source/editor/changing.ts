// One setting written into a document, or taken out; comments and everything else stay as they are.
import { Document, isMap, parseDocument } from "yaml";
import type { Format } from "../store";

export function changed(text: string, format: Format, path: string[], value: unknown): string {
  if (format !== "yaml") return text;
  const document = parseDocument(text, { keepSourceTokens: true });
  if (document.errors.length > 0) return text;
  const whole = isMap(document.contents) ? document : new Document({});
  if (value === undefined) whole.deleteIn(path);
  else whole.setIn(path, value);
  return whole.toString({ lineWidth: 0 });
}
