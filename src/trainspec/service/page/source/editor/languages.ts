// How each format is coloured and indented.
import { json } from "@codemirror/lang-json";
import { yaml } from "@codemirror/lang-yaml";
import { StreamLanguage } from "@codemirror/language";
import { properties } from "@codemirror/legacy-modes/mode/properties";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import type { Extension } from "@codemirror/state";
import type { Format } from "../store";

const made: Partial<Record<Format, Extension>> = {};
const makers: Record<Format, () => Extension> = {
  yaml,
  json,
  toml: () => StreamLanguage.define(toml),
  env: () => StreamLanguage.define(properties),
};

export function languageOf(format: Format): Extension {
  return (made[format] ??= makers[format]());
}
