// Whether the service answers. While it does not, it is asked for by and by, less and less often, and nothing else is.
import { effect, signal, type ReadonlySignal } from "@preact/signals";

const FIRST = 1_000;
const LONGEST = 30_000;
const PATIENCE = 10_000;

const gone = signal(false);
const times = signal(0);
const asking = signal(false);
let wait = FIRST;
let waiting: ReturnType<typeof setTimeout> | undefined;

/** Whether the service has not answered since it was last asked. */
export const away: ReadonlySignal<boolean> = gone;
/** How often it came back: who asks it about something asks anew then. */
export const returns: ReadonlySignal<number> = times;
/** Whether it is being asked for just now. */
export const trying: ReadonlySignal<boolean> = asking;

/** Tell apart a service that is gone from one that refused a request in the middle of its body; says which it is. */
export async function isGone(): Promise<boolean> {
  if (gone.peek() || !(await isThere())) {
    lose();
    return true;
  }
  return false;
}

/** A request was not answered by the service: it is asked for until it answers. */
export function lose(): void {
  if (gone.peek()) return;
  gone.value = true;
  wait = FIRST;
  later();
}

/** Ask for it now, whoever asked. */
export async function tryNow(): Promise<void> {
  if (!gone.peek() || asking.peek()) return;
  clearTimeout(waiting);
  asking.value = true;
  const found = await isThere();
  asking.value = false;
  if (found) {
    gone.value = false;
    times.value += 1;
  } else later();
}

function later(): void {
  clearTimeout(waiting);
  waiting = setTimeout(() => void tryNow(), wait);
  wait = Math.min(wait * 2, LONGEST);
}

/** A service that ends says so before it is gone; a proxy before it says that there is none. */
async function isThere(): Promise<boolean> {
  try {
    const answer = await fetch(new URL("readyz", document.baseURI), { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    return answer.ok;
  } catch {
    return false;
  }
}

/** What tells that it is worth asking at once. */
export function watchConnection(): void {
  addEventListener("online", () => void tryNow());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && void tryNow());
  // A service on this machine answers without a network, too.
  addEventListener("offline", () => void isGone());
  effect(() => {
    document.documentElement.toggleAttribute("data-away", gone.value);
  });
}
