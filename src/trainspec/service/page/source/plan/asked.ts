// What /plan answers to the document, for the numbers that the view asks about.
import { effect, signal } from "@preact/signals";
import { isRefusal, locked, post, type Diagnostic } from "../api";
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
/** The save that is supposed to turn out the best; null for the last one. */
export const best = signal<number | null>(null);

const REST = 200;

/** Keep asking while the view is open; returns what ends it. */
export function follow(): () => void {
  let running: AbortController | undefined;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const end = effect(() => {
    void [answer.value, refused.value];
    const body = text.peek();
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
    if (locked.value) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      running?.abort();
      running = new AbortController();
      void ask(about, body, running.signal);
    }, REST);
  });
  return () => {
    end();
    clearTimeout(waiting);
    running?.abort();
  };
}

async function ask(about: Record<string, string | number | null>, body: string, cancel: AbortSignal): Promise<void> {
  try {
    const found = await post<Planned>("plan", about, body, cancel);
    if (cancel.aborted) return;
    planned.value = isRefusal(found) ? { ok: false, plan: null, diagnostics: found.diagnostics } : found;
    forgetBest(planned.value);
  } catch (error) {
    if (!cancel.aborted) throw error;
  }
}

// A save that is none any more cannot be the best one.
function forgetBest(found: Planned): void {
  const supposed = best.peek();
  if (supposed === null || found.plan === null || found.course?.retention.best === supposed) return;
  best.value = null;
}
