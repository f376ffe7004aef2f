// Numbers as people read them, and where a scale has its ticks.
import { lang } from "../store";

const GIB = 2 ** 30;

export function whole(value: number): string {
  return value.toLocaleString(lang.value === "zh" ? "zh-Hans" : "en");
}

/** A learning rate, or any small number: three digits, in powers of ten where it is far from one. */
export function small(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 0.001 && size < 10_000) return String(Number(value.toPrecision(3)));
  const [digits, power] = value.toExponential(2).split("e");
  return `${Number(digits)}e${power!.replace("+", "")}`;
}

/** Bytes in the largest unit that leaves a number of one or more. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  const size = value / 1024 ** power;
  return `${size >= 100 || power === 0 ? Math.round(size) : Number(size.toPrecision(3))} ${units[power]}`;
}

export function gib(value: number): number {
  return value / GIB;
}

/** Numbers as people write them: 7e9, 7B, 1.5b, 350M, 100k, 1,000,000; null for anything else. */
export function read(text: string): number | null {
  const found = /^(\d[\d,_ ]*\.?\d*(?:e\+?\d+)?)\s*([kmbgt万亿]?)$/i.exec(text.trim());
  if (!found) return null;
  const times = { k: 1e3, m: 1e6, b: 1e9, g: 1e9, t: 1e12, 万: 1e4, 亿: 1e8 }[found[2]!.toLowerCase()] ?? 1;
  const value = Math.round(Number(found[1]!.replace(/[,_ ]/g, "")) * times);
  return Number.isSafeInteger(value) && value >= 1 ? value : null;
}

/** At most `most` round numbers from 0 (or `low`) to `high`, both ends of the scale within. */
export function ticks(low: number, high: number, most: number): number[] {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? 10 * power;
  const found: number[] = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high * (1 + 1e-9); at += 1) found.push(Number((at * step).toPrecision(12)));
  return found;
}

/** A number of parameters as people say it: 7B, 350M. */
export function size(value: number): string {
  return brief(value).replace("G", "B");
}

/** 12k for 12,000: a tick has little room. */
export function brief(value: number): string {
  const [size, unit] = value >= 1e9 ? [1e9, "G"] : value >= 1e6 ? [1e6, "M"] : value >= 1e4 ? [1e3, "k"] : [1, ""];
  return `${Number((value / (size as number)).toPrecision(3))}${unit}`;
}
