// In what a number is counted, by what the name of the setting ends with.
import type { Word } from "../words";

const UNITS: [RegExp, Word][] = [
  [/(batch_size|train_rows)$/, "unit_rows"],
  [/(_timeout|_seconds)$/, "unit_seconds"],
  [/^(warmup|max|logging|eval|save)_steps$/, "unit_updates"],
  [/_epochs$/, "unit_epochs"],
  [/_ratio$/, "unit_share"],
  [/_mb$/, "unit_mb"],
  [/^parallelism_config\.\w+_size$/, "unit_ranks"],
];

export function unitOf(name: string): Word | null {
  return UNITS.find(([ending]) => ending.test(name))?.[1] ?? null;
}
