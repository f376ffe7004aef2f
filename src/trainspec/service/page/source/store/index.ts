// What the page knows: the document, for what it is judged, how it is shown; and what the service says about it.
import { batch, computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { changed } from "../changing";
import { get, isRefusal, locked, post, type Diagnostic, type Field, type Fix, type Refusal, type Validated } from "../service/api";
import { keepAsking } from "../service/asking";
import { returns } from "../service/connection";
import type { Word } from "../words";
import { lang, type Lang } from "./language";
import { keep, kept } from "./remembered";

export { lang, type Lang };
export type Format = "yaml" | "json" | "toml" | "env";
export type Theme = "system" | "light" | "dark";

export interface Source {
  kind: string;
  name: string;
  line: number | null;
  column: number | null;
}

/** A value, null for a secret, as it is shown, and where it is from. */
export interface Entry {
  value: unknown;
  shown: string;
  source: Source;
}

type Held = Entry & { follows_from: string[] };

/** What /show tells: the values that the document gives under today's names, and those that hold where it is valid. */
export interface Shown {
  settings: Record<string, Held> | null;
  /** Where it is not valid: those of the document without all that an error is about. */
  rest: Record<string, Held> | null;
  said: Record<string, Entry>;
}

export const text = signal("");
export const format = signal<Format>("yaml");
/** A machine by name, such as h100x8; "" where none is meant. */
export const target = signal("");
export const worldSize = signal<number | null>(null);
export const rows = signal<number | null>(null);
export const params = signal<number | null>(null);
export const theme = signal<Theme>(kept("theme", ["system", "light", "dark"]) ?? "system");

/** What to ask /validate, /plan and the like by, beside the body. */
export const about = computed(() => ({
  input: format.value,
  target: target.value.trim(),
  world_size: worldSize.value,
  lang: lang.value === "en" ? null : lang.value,
}));

type Asked = typeof about.value;

const judged = signal<Validated | null>(null);
const told = signal<Field[]>([]);
const entries = signal<Shown | null>(null);
const outdated = signal(false);
const refusedBy = signal<Refusal | null>(null);
const mended = signal<Fix[]>([]);
const ofMachine = signal<Diagnostic[]>([]);
const ofText = signal<string | null>(null);

/** The answer of /validate to the newest text that was judged. */
export const answer: ReadonlySignal<Validated | null> = judged;
/** Every setting, in the language of the page. */
export const fields: ReadonlySignal<Field[]> = told;
/** The answer of /show to the newest text that could be read; null before the first. */
export const shown: ReadonlySignal<Shown | null> = entries;
/** Whether `shown` is about an older text, as the newest cannot be read. */
export const stale: ReadonlySignal<boolean> = outdated;
/** The values that the document gives, by setting: the last ones where it cannot be read just now. */
export const said: ReadonlySignal<Record<string, unknown>> = computed(() =>
  Object.fromEntries(Object.entries(entries.value?.said ?? {}).map(([name, one]) => [name, one.value])),
);
/** Why there is no answer, where there is none. */
export const refused: ReadonlySignal<Refusal | null> = refusedBy;
/** The findings, of all documents of the stream. */
export const findings: ReadonlySignal<Diagnostic[]> = computed(
  () => [
    ...(judged.value?.files.flatMap((file) => file.diagnostics) ?? refusedBy.value?.diagnostics ?? []),
    ...ofMachine.value,
  ],
);

/** The edits that mend findings, each with the place of its finding among `findings`. */
export const fixes: ReadonlySignal<Fix[]> = mended;
/** The text that the answer is about; where it is no longer the document, places in it have moved. */
export const judgedText: ReadonlySignal<string | null> = ofText;
/** What the page has to say to who uses it, until they do something else. */
export const notice = signal<Word | { said: string } | null>(null);

/** Write, change or (with undefined) remove one setting in the document; the rest of the text stays as it is. */
export function setValue(name: string, value: unknown): void {
  const found = changed(text.peek(), format.peek(), name.split("."), value);
  if (found === null) notice.value = "cannot_write";
  else batch(() => ([text.value, notice.value] = [found, null]));
}

/** Go on with the same settings as another text. */
export function goOnWith(form: Format, written: string): void {
  batch(() => ([format.value, text.value, notice.value] = [form, written, null]));
}

/** Begin to ask the service about whatever the signals above hold. */
export function begin(): void {
  keepAsking({
    question: () => ({ body: text.value, about: about.value }),
    ask: ({ body, about }, cancel) => judge(body, about, cancel),
    rest: 80,
    eager: true,
  });
  effect(() => {
    void returns.value;
    if (!locked.value) void learn(lang.value);
  });
  effect(() => {
    document.documentElement.lang = lang.value === "zh" ? "zh-Hans" : "en";
    keep("lang", lang.value);
  });
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
    keep("theme", theme.value);
  });
}

async function judge(body: string, about: Asked, cancel: AbortSignal): Promise<void> {
  let [found, asked] = [await post<Validated>("validate", about, body, cancel), about];
  let machine: Diagnostic[] = [];
  if (isRefusal(found) && about.target && found.diagnostics.some((one) => one.code === "CLI103")) {
    // A machine that nobody knows says nothing about the document, which is judged all the same.
    machine = found.diagnostics;
    asked = { ...about, target: "" };
    found = await post<Validated>("validate", asked, body, cancel);
  }
  if (cancel.aborted || (isRefusal(found) && found.away)) return;
  batch(() => {
    ofMachine.value = isRefusal(found) ? [] : machine;
    judged.value = isRefusal(found) ? null : found;
    refusedBy.value = isRefusal(found) ? found : null;
    mended.value = [];
    ofText.value = body;
  });
  const { input, lang } = asked;
  const [values, edits] = await Promise.all([
    post<Shown>("show", { input, lang }, body, cancel),
    findings.peek().length > 0 ? post<{ fixes: Fix[] }>("fixes", asked, body, cancel) : { fixes: [] },
  ]);
  if (cancel.aborted) return;
  batch(() => {
    if (!isRefusal(values)) [entries.value, outdated.value] = [values, false];
    else if (!values.away) outdated.value = entries.value !== null;
    if (!isRefusal(edits)) mended.value = edits.fixes;
  });
}

async function learn(language: Lang): Promise<void> {
  const found = await get<{ settings: Field[] }>("fields", language === "en" ? {} : { lang: language });
  if (!isRefusal(found) && language === lang.peek()) told.value = found.settings;
}
