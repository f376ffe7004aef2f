// What the run will do, in pictures: the learning rate and its events, what stays on disk, what each process holds.
import { useEffect } from "preact/hooks";
import type { Diagnostic } from "../service/api";
import { params, rows } from "../store";
import { Stale } from "../settings/stale";
import { Finding } from "../settings/row";
import { t } from "../words";
import { follow, old, planned, type Course, type Planned, type Run } from "./asked";
import { Curve } from "./curve";
import { Inputs } from "./inputs";
import { MemoryBars } from "./memory";
import { small, whole } from "./numbers";
import { Retention } from "./retention";
import { Tables } from "./tables";

export function Plan() {
  useEffect(follow, []);
  const found = planned.value;
  return (
    <div class={`plan${old.value ? " stale" : ""}`}>
      <Inputs />
      <Stale of={old.value} what="stale_plan" />
      {found === null ? (
        <p class="quiet">{t("plan_waiting")}</p>
      ) : (
        <>
          {found.plan && found.course && <Pictures planned={found} run={found.plan} course={found.course} />}
          {!found.plan && <None planned={found} />}
          <MemoryBars planned={found} size={params.value} />
          {found.plan && found.course && <Tables planned={found} run={found.plan} course={found.course} />}
          {found.plan && found.diagnostics.length > 0 && <Findings planned={found} />}
        </>
      )}
    </div>
  );
}

function Pictures({ planned, run, course }: { planned: Planned; run: Run; course: Course }) {
  const kept = course.retention.lives.filter((life) => life.until === null).length;
  const share = run.total_updates ? (100 * run.warmup_updates) / run.total_updates : 0;
  const world = planned.scale?.world_size ?? run.world_size;
  const ended = run.epochs !== null && run.updates_per_epoch !== null;
  return (
    <>
      <dl class="tiles">
        <Tile
          value={whole(run.total_updates)}
          name={t("plan_total")}
          about={ended ? t("plan_total_of", { epochs: whole(run.epochs!), updates: whole(run.updates_per_epoch!) }) : ""}
        />
        <Tile
          value={whole(run.effective_batch_rows)}
          name={t("plan_batch")}
          about={world > 1 ? t("plan_batch_of", { world: whole(world) }) : t("plan_batch_of_one")}
        />
        <Tile
          value={small(run.learning_rate.peak)}
          name={t("plan_peak")}
          about={t("plan_peak_of", { schedule: run.learning_rate.schedule })}
        />
        <Tile value={whole(run.warmup_updates)} name={t("plan_warmup")} about={t("plan_warmup_of", { share: small(share) })} />
        {!run.saves_when_best && (
          <Tile
            value={whole(course.retention.limit === null ? course.retention.count : kept)}
            name={t("plan_kept")}
            about={t("plan_kept_of", { count: whole(course.retention.count) })}
          />
        )}
      </dl>
      <Curve run={run} course={course} />
      <Retention run={run} course={course} />
    </>
  );
}

function Tile({ value, name, about }: { value: string; name: string; about: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <b>{value}</b>
        {about && <small>{about}</small>}
      </dd>
    </div>
  );
}

/** Not about the length of the data, which the document need not say. */
function isAboutSettings(one: Diagnostic): boolean {
  return one.severity === "error" && one.code !== "CLI107";
}

function None({ planned }: { planned: Planned }) {
  return (
    <section class="plan-none">
      <h2>{t("plan_none")}</h2>
      <p>{rows.value === null && !planned.diagnostics.some(isAboutSettings) ? t("plan_none_rows") : t("plan_none_fix")}</p>
      <Findings planned={planned} />
    </section>
  );
}

function Findings({ planned }: { planned: Planned }) {
  return (
    <ul class="row-findings">
      {planned.diagnostics.map((one, index) => (
        <Finding key={index} finding={one} />
      ))}
    </ul>
  );
}
