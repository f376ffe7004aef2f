// What a setting may be, as the schema of files says it: which control it gets, within which bounds.
import { signal } from "@preact/signals";
import { get, isRefusal, locked } from "../service/api";
import { lang } from "../store";

interface Schema {
  $ref?: string;
  title?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  deprecated?: boolean;
  type?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  definitions?: Record<string, Schema>;
}

export interface Choice {
  value: unknown;
  description: string;
}

/** How a setting is edited. `bounds` are those of numbers, in words of mathematics. */
export interface Control {
  kind: "switch" | "choice" | "number" | "list" | "keys" | "mapping" | "text";
  title: string;
  description: string;
  default: unknown;
  choices: Choice[];
  bounds: string;
  /** Which plain values text is read as, where the control is one of text. */
  reads: ReadonlySet<string>;
  /** The keys of a mapping, as far as they are known. */
  keys: Map<string, Schema>;
}

const whole = signal<Schema | null>(null);
let asked = "";

/** Ask for the schema in the language of the page; what was learned stays until the other one is there. */
export async function learnSchema(): Promise<void> {
  const language = lang.value;
  if (locked.value || asked === language) return;
  asked = language;
  const found = await get<Schema>("schema/v1/training-arguments.json", { lang: language === "en" ? null : language });
  if (isRefusal(found)) asked = "";
  else if (language === lang.peek()) {
    whole.value = found;
    controls.clear();
  }
}

const controls = new Map<string, Control>();

/** The control of a setting, or of a key of one by its dotted path; null while the schema is not there. */
export function controlOf(path: string): Control | null {
  const schema = whole.value;
  if (!schema) return null;
  let control = controls.get(path);
  if (!control) {
    const [name, ...keys] = path.split(".");
    let found: Schema | undefined = schema.properties?.[name!];
    for (const key of keys) found = found && keysOf(found).get(key);
    control = found ? made(found) : plain(keys.at(-1) ?? name!);
    controls.set(path, control);
  }
  return control;
}

/** The alternatives of a schema, without those for old values and for a mapping as text. */
function parts(schema: Schema): Schema[] {
  if (schema.$ref) return parts(referred(schema.$ref));
  if (schema.deprecated) return [];
  if (schema.anyOf) return schema.anyOf.flatMap(parts);
  if (schema.oneOf) return schema.oneOf.flatMap(parts);
  return [schema];
}

function referred(name: string): Schema {
  return whole.peek()?.definitions?.[name.replace("#/definitions/", "")] ?? {};
}

function keysOf(schema: Schema): Map<string, Schema> {
  const mapping = parts(schema).find((part) => part.properties);
  const known = Object.entries(mapping?.properties ?? {}).filter(([, key]) => !key.deprecated && !isOnlyOld(key));
  return new Map(known);
}

function isOnlyOld(schema: Schema): boolean {
  return parts(schema).every((part) => part.type === "null");
}

function made(schema: Schema): Control {
  const all = parts(schema);
  const choices = distinct(all);
  const types = new Set(all.map((part) => part.type).filter((type) => type !== undefined && type !== "null")) as Set<string>;
  const list = all.find((part) => part.type === "array");
  const listed = list?.items ? distinct(parts(list.items)) : [];
  const keys = keysOf(schema);
  const common = {
    title: schema.title ?? "",
    description: schema.description ?? "",
    default: schema.default,
    bounds: all.map(bounds).find(Boolean) ?? "",
    reads: types,
    keys,
  };
  if (keys.size) return { ...common, kind: "keys", choices: [] };
  if (listed.length) return { ...common, kind: "list", choices: merged([...choices, ...listed]) };
  if (choices.length) {
    const also = types.has("boolean") ? [true, false].map((value) => ({ value, description: "" })) : [];
    return { ...common, kind: types.has("string") ? "text" : "choice", choices: merged([...also, ...choices]) };
  }
  if (types.has("object")) return { ...common, kind: "mapping", choices };
  if (types.has("boolean") && types.size === 1) return { ...common, kind: "switch", choices };
  const numbers = types.has("number") || types.has("integer");
  return { ...common, kind: numbers && types.size <= 2 && !types.has("string") ? "number" : "text", choices };
}

/** Values of fixed ones, once each: the same in capitals, or a number as text, is another way to write it. */
function distinct(all: Schema[]): Choice[] {
  return merged(
    all.filter((part) => "const" in part).map((part) => ({ value: part.const, description: part.description ?? "" })),
  );
}

function merged(choices: Choice[]): Choice[] {
  const found = new Map<string, Choice>();
  for (const choice of choices) {
    const key = String(choice.value).toLowerCase();
    if (!found.has(key)) found.set(key, choice);
  }
  return [...found.values()];
}

function bounds(schema: Schema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (minimum !== undefined && maximum !== undefined) return `${minimum} … ${maximum}`;
  const low = minimum !== undefined ? `≥ ${minimum}` : exclusiveMinimum !== undefined ? `> ${exclusiveMinimum}` : "";
  const high = maximum !== undefined ? `≤ ${maximum}` : exclusiveMaximum !== undefined ? `< ${exclusiveMaximum}` : "";
  return [low, high].filter(Boolean).join(", ");
}

function plain(name: string): Control {
  return {
    kind: "text",
    title: name,
    description: "",
    default: undefined,
    choices: [],
    bounds: "",
    reads: new Set(["string", "number", "integer", "boolean"]),
    keys: new Map(),
  };
}
