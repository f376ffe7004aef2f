// What /plan answers to the document, for the numbers that the view asks about.
import { signal } from "@preact/signals";
import { isRefusal, post, type Diagnostic } from "../service/api";
import { keepAsking } from "../service/asking";
import { answer, format, lang, params, refused, rows, target, text, worldSize } from "../store";

export interface Marks {
  count: number;
  steps: number[];
}

export interface Life {
  step: number;
  until: number | null;
}

export interface Course {
  points: [number, number][] | null;
  logs: Marks;
  evaluations: Marks;
  saves: Marks;
  epoch_ends: Marks;
  retention: { limit: number | null; count: number; best: number | null; lives: Life[] };
}

export const PARTS = [
  "parameters",
  "gradients",
  "optimizer",
  "unsharded_gradients",
  "buckets",
  "gathered",
  "activations",
] as const;
export type Part = (typeof PARTS)[number];

export type Memory = Record<Part, number | null> & { device: number; host: number; on_host: string[] };

export interface Way {
  name: string;
  engine: string;
  chosen: boolean;
  memory_per_rank: Memory;
  sent_per_update: number;
  fits: boolean | null;
}

export interface Run {
  train_rows: number | null;
  world_size: number;
  effective_batch_rows: number;
  updates_per_epoch: number | null;
  dropped_rows_per_epoch: number | null;
  epochs: number | null;
  total_updates: number;
  warmup_updates: number;
  learning_rate: { schedule: string; first: number | null; peak: number; last: number | null };
  kept_checkpoints: number[];
  keeps_best: boolean;
  saves_when_best: boolean;
}

export interface Scale {
  strategy: string;
  world_size: number;
  memory_per_rank: Memory | null;
  device_memory: number | null;
  fits: boolean | null;
  sent_per_update: number | null;
}

export interface Planned {
  ok: boolean;
  plan: Run | null;
  diagnostics: Diagnostic[];
  scale?: Scale;
  course?: Course;
  compared?: Way[];
}

/** The newest answer; what was answered last stays while a newer one is awaited. */
export const planned = signal<Planned | null>(null);
/** Whether `planned` is about an older text, as the newest cannot be read. */
export const old = signal(false);
/** The save that is supposed to turn out the best; null for the last one. */
export const best = signal<number | null>(null);

type About = Record<string, string | number | null>;

/** Keep asking while the view is open; returns what ends it. */
export function follow(): () => void {
  return keepAsking({ question, ask, rest: 200 });
}

function question(): { about: About; body: string } {
  void [answer.value, refused.value];
  const about = {
    input: format.peek(),
    lang: lang.value === "en" ? null : lang.value,
    target: target.value.trim(),
    world_size: worldSize.value,
    rows: rows.value,
    params: params.value,
    course: "true",
    compare: "strategies",
    best: best.value,
  };
  return { about, body: text.peek() };
}

async function ask({ about, body }: { about: About; body: string }, cancel: AbortSignal): Promise<void> {
  const found = await post<Planned>("plan", about, body, cancel);
  if (cancel.aborted || (isRefusal(found) && found.away)) return;
  // What was planned for the last text that could be read stays in sight, and is marked as old.
  const unread = isRefusal(found) && found.diagnostics.some((one) => one.code.startsWith("SRC"));
  old.value = unread && planned.peek()?.plan != null;
  if (old.peek()) return;
  planned.value = isRefusal(found) ? { ok: false, plan: null, diagnostics: found.diagnostics } : found;
  forgetBest(planned.value);
}

// A save that is none any more cannot be the best one.
function forgetBest(found: Planned): void {
  const supposed = best.peek();
  if (supposed === null || found.plan === null || found.course?.retention.best === supposed) return;
  best.value = null;
}
