// What the document says of each setting, what holds, what follows from what; by setting, so that little is drawn anew.
import { computed, type ReadonlySignal } from "@preact/signals";
import type { Diagnostic } from "../service/api";
import { fields, findings, shown } from "../store";

/** A setting or a key of one. `follows` is what holds where the document leaves it open, and from which settings. */
export interface State {
  said: boolean;
  value: unknown;
  shown: string;
  line: number | null;
  follows: { shown: string; from: string[] } | null;
  decides: { name: string; shown: string }[];
  findings: Diagnostic[];
}

const found = computed(() => {
  const byName = new Map<string, Diagnostic[]>();
  for (const one of findings.value) {
    for (const name of new Set([...one.fields, ...one.evidence.map((item) => item.field)])) {
      byName.set(name, [...(byName.get(name) ?? []), one]);
    }
  }
  return byName;
});

/** What is wrong with no setting that there is: keys that nobody knows, and text that cannot be read. */
export const elsewhere = computed(() => {
  const known = new Set(fields.value.map((field) => field.name));
  const names = (one: Diagnostic) => [...one.fields, ...one.evidence.map((item) => item.field)];
  return findings.value.filter((one) => !names(one).some((name) => known.has(name.split(".")[0]!)));
});

const held = computed(() => shown.value?.settings ?? shown.value?.rest ?? {});

const decided = computed(() => {
  const bySource = new Map<string, { name: string; shown: string }[]>();
  for (const [name, one] of Object.entries(held.value)) {
    if (one.source.kind !== "derived") continue;
    for (const from of one.follows_from) {
      bySource.set(from, [...(bySource.get(from) ?? []), { name, shown: one.shown }]);
    }
  }
  return bySource;
});

/** How many settings the document says. */
export const count = computed(() => Object.keys(shown.value?.said ?? {}).length);

const states = new Map<string, ReadonlySignal<State>>();

/** The state of a setting; it changes only when something of this setting does. */
export function stateOf(path: string): ReadonlySignal<State> {
  let state = states.get(path);
  if (!state) {
    let [last, key] = [undefined as State | undefined, ""];
    state = computed(() => {
      const next = stateNow(path);
      const now = JSON.stringify(next);
      if (last === undefined || now !== key) [last, key] = [next, now];
      return last;
    });
    states.set(path, state);
  }
  return state;
}

function stateNow(path: string): State {
  const [name, ...keys] = path.split(".");
  const said = shown.value?.said[name!];
  const holds = held.value[name!];
  const base = { decides: decided.value.get(path) ?? [], findings: found.value.get(path) ?? [] };
  if (keys.length) {
    const value = keys.reduce<unknown>((inner, key) => inside(inner, key), said?.value);
    const shown = value === undefined ? "" : JSON.stringify(value);
    return { ...base, said: value !== undefined, value, shown, line: null, follows: null };
  }
  const derived = holds?.source.kind === "derived" ? { shown: holds.shown, from: holds.follows_from } : null;
  return {
    ...base,
    said: said !== undefined,
    value: said?.value,
    shown: said?.shown ?? "",
    line: said?.source.line ?? null,
    follows: derived,
  };
}

function inside(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
