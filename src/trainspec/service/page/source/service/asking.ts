// Asking the service anew whenever something changes: after a rest, one question at a time, and the newest one only.
import { effect } from "@preact/signals";
import { locked } from "./api";
import { away, returns } from "./connection";

interface Asking<Q> {
  /** What is asked, by signals, each of which asks anew when it changes; null where there is nothing to ask. */
  question: () => Q | null;
  /** Ask it. What comes back after `cancel` is aborted is an answer to an older question, and nobody's any more. */
  ask: (question: Q, cancel: AbortSignal) => Promise<void>;
  /** Milliseconds without a change before it is asked. */
  rest: number;
  /** Ask the first time at once. */
  eager?: boolean;
}

/** Begin to ask; returns what ends it. A service that is gone, or that asks for a token, is not asked until it is back. */
export function keepAsking<Q>({ question, ask, rest, eager = false }: Asking<Q>): () => void {
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let running: AbortController | undefined;
  let first = eager;
  const end = effect(() => {
    const asked = question();
    clearTimeout(waiting);
    void returns.value;
    if (locked.value || away.value) return;
    if (asked === null) return running?.abort();
    waiting = setTimeout(
      () => {
        running?.abort();
        running = new AbortController();
        void finish(asked, running.signal);
      },
      first ? 0 : rest,
    );
    first = false;
  });
  const finish = async (asked: Q, cancel: AbortSignal) => {
    try {
      await ask(asked, cancel);
    } catch (error) {
      if (!cancel.aborted) throw error;
    }
  };
  return () => {
    end();
    clearTimeout(waiting);
    running?.abort();
  };
}
