// What this browser remembers of the page: how it looks, never what was written.
const PREFIX = "trainspec.";

export function kept<T extends string>(name: string, known: readonly T[]): T | null {
  try {
    const found = localStorage.getItem(PREFIX + name);
    return known.find((one) => one === found) ?? null;
  } catch {
    // A browser may forbid it; then nothing is remembered.
    return null;
  }
}

export function keep(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    return;
  }
}
