// What is lost by another form, said before it is.
import { useEffect, useRef } from "preact/hooks";
import { format, goOnWith, text, type Format } from "../store";
import { t } from "../words";
import type { Lost } from ".";
import { accept, proposal } from "./proposal";

export function nameOf(one: Format): string {
  return one === "env" ? t("format_env") : one.toUpperCase();
}

export function ProposalDialog() {
  const box = useRef<HTMLDialogElement>(null);
  const one = proposal.value;
  useEffect(() => {
    if (one !== null && !box.current!.open) box.current!.showModal();
    if (one === null) box.current!.close();
  }, [one]);
  const then = (change: () => void) => () => {
    // What was asked about is not what stands there any more: nothing is done to it.
    if (one !== null && text.peek() === one.of) change();
    proposal.value = null;
  };
  return (
    <dialog ref={box} class="rule proposal" aria-labelledby="proposal" onClose={() => (proposal.value = null)}>
      {one !== null && (
        <>
          <h2 id="proposal">{t(one.text === null ? "no_form" : "convert_title", { form: nameOf(one.to) })}</h2>
          {one.lost === null ? <p>{t("no_form_why", { form: nameOf(one.to) })}</p> : <Losses lost={one.lost} to={one.to} />}
          <p class="choices">
            {one.text !== null && (
              <button class="button main" id="convert" onClick={then(() => accept(one.to, one.text!))}>
                {t("convert_do")}
              </button>
            )}
            <button class="button" id="read-as" onClick={then(() => goOnWith(one.to, one.of))}>
              {t("read_as", { form: nameOf(one.to) })}
            </button>
            <button class="button" id="keep" autofocus onClick={() => (proposal.value = null)}>
              {t("keep_form", { form: nameOf(format.value) })}
            </button>
          </p>
        </>
      )}
    </dialog>
  );
}

export function lossesOf(lost: Lost, to: Format): string[] {
  const said: string[] = [];
  if (lost.comments > 0) said.push(t(lost.comments === 1 ? "lost_comment" : "lost_comments", { count: lost.comments, form: nameOf(to) }));
  if (lost.names.length > 0) said.push(t("lost_names", { names: lost.names.join(", ") }));
  if (lost.foreign.length > 0) said.push(t("lost_foreign", { names: lost.foreign.join(", ") }));
  if (lost.documents > 1) said.push(t("lost_documents", { count: lost.documents }));
  return said;
}

function Losses({ lost, to }: { lost: Lost; to: Format }) {
  return (
    <>
      <p>{t("convert_loses")}</p>
      <ul>
        {lossesOf(lost, to).map((one) => (
          <li key={one}>{one}</li>
        ))}
      </ul>
      <p class="muted">{t("convert_undo")}</p>
    </>
  );
}
