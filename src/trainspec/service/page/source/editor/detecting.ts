// Which format a text that is pasted or opened has, by what it looks like.
import type { Format } from "../store";

export function formatOf(text: string): Format | null {
  const lines = text.split("\n").map((line) => line.trim());
  const said = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (said.length === 0) return null;
  if (/^[{[]/.test(said[0]!)) return isTable(said[0]!) ? "toml" : isJson(text) ? "json" : "yaml";
  const variables = said.filter((line) => /^(?:export\s+)?[A-Z][A-Z0-9_]*=/.test(line)).length;
  if (variables > 0 && variables >= said.length / 2) return "env";
  const pairs = said.filter((line) => /^[\w."'-]+\s*=/.test(line) || isTable(line)).length;
  return pairs > 0 && pairs >= said.length / 2 ? "toml" : "yaml";
}

export function formatOfName(name: string): Format | null {
  const ending = /\.?(\w+)$/.exec(name.toLowerCase())?.[1] ?? "";
  const known: Record<string, Format> = { yaml: "yaml", yml: "yaml", json: "json", toml: "toml", env: "env" };
  return known[ending] ?? null;
}

function isTable(line: string): boolean {
  return /^\[{1,2}[\w."' -]+\]{1,2}\s*(?:#.*)?$/.test(line);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // What is half JSON is JSON if it is quoted as JSON is.
    return /^\s*\{\s*"/.test(text);
  }
}
