// That what is shown is about an older text: said to eyes and, once it has lasted, to who listens.
import { useEffect, useState } from "preact/hooks";
import { t, type Word } from "../words";

/** Nobody is told of every bracket that is not closed yet: only of what stays so. */
const LASTING = 700;

export function Stale({ of, what }: { of: boolean; what: Word }) {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (!of) return setLasting(false);
    const waiting = setTimeout(() => setLasting(true), LASTING);
    return () => clearTimeout(waiting);
  }, [of]);
  const shown = of && lasting;
  return (
    <p class={shown ? "stale-note" : "hidden"} role="status">
      {shown ? t(what) : ""}
    </p>
  );
}
