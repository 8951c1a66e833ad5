/** The run as a picture, from left to right as the bytes flow: controller, WAN link, primary, its slots, APs that wait or are done. */
import type { GroupView } from "../../../core/controller/operator/views.js";
import type { Ap } from "../state/ap.js";
import { bytesText, countText, durationText, percentText, rateText } from "../state/format.js";
import { apRates } from "../state/live.js";
import { useSeconds } from "../state/ticker.js";
import { Bar } from "../ui/bar.js";
import { Status } from "../ui/status.js";
import { type Lane, lanesOf, type Served } from "./lanes.js";

/** Waiting APs shown one by one; the table below the picture has them all. */
const waitingShown = 8;

export function RunPicture({ group, aps }: { group: GroupView; aps: ReadonlyMap<string, Ap> }) {
  useSeconds(group.run?.state === "running");
  const lanes = lanesOf(group, aps);
  return (
    <section
      class={group.run?.state === "running" ? "picture" : "picture ended"}
      aria-label="The run, from the controller over the WAN to each AP"
    >
      <div class="node controller">
        <strong>Controller</strong>
        <span class="muted">{group.run === null ? "" : `${group.run.release} release`}</span>
      </div>
      <div class="lanes">
        {lanes.map((lane) => (
          <LanePicture key={lane.model.family} lane={lane} />
        ))}
      </div>
    </section>
  );
}

function LanePicture({ lane }: { lane: Lane }) {
  const { model, primary } = lane;
  const wanRate = [primary, ...lane.overWan].reduce((sum, ap) => sum + (ap === undefined ? 0 : apRates(ap.summary.mac).wan), 0);
  return (
    <section class="lane" aria-label={`Model ${model.models.join(", ")}`}>
      <Pipe path="wan" moving={wanRate > 0} label="WAN" detail={wanRate > 0 ? rateText(wanRate) : bytesText(model.wanBytes)} />
      <PrimaryNode lane={lane} />
      <Fan slots={lane.slots} />
      <Slots lane={lane} />
      <div class="others">
        <Waiting aps={lane.waiting} />
        <OverWan aps={lane.overWan} />
        <Done aps={lane.done} />
        <FailedAps aps={lane.failed} />
      </div>
    </section>
  );
}

function Pipe({ path, moving, label, detail }: { path: "wan" | "lan"; moving: boolean; label: string; detail: string }) {
  return (
    <div class={`pipe ${path} ${moving ? "moving" : ""}`}>
      <span class="pipe-label">{label}</span>
      <div class="pipe-line" aria-hidden="true">
        <div />
      </div>
      <span class="pipe-detail">{detail}</span>
    </div>
  );
}

function PrimaryNode({ lane: { model, primary } }: { lane: Lane }) {
  const images = primary?.images;
  const fetching = images?.status === "Predownloading" || images?.status === "Initiated";
  return (
    <div class={`node primary ${fetching ? "busy" : ""}`}>
      <span class="eyebrow">Primary · {model.models.join(", ")}</span>
      <strong>{model.primary?.name ?? "none elected"}</strong>
      <span class="muted">
        {model.primary === null ? "no AP of this model is eligible" : model.manual ? "chosen manually" : "lowest MAC address"}
      </span>
      {model.warning !== null && <span class="lane-warning">! {model.warning}</span>}
      {primary !== undefined && images !== undefined && images.bytesTotal > 0 && fetching && (
        <>
          <Bar done={images.bytesDone} total={images.bytesTotal} path="wan" label={`${primary.summary.name} over the WAN`} />
          <span class="figures">
            {bytesText(images.bytesDone)} of {bytesText(images.bytesTotal)}
            {rateSuffix(apRates(primary.summary.mac).wan)}
            {images.secondsLeft !== null && ` · ${durationText(images.secondsLeft)} left`}
          </span>
        </>
      )}
      {images?.status === "Complete" && <Status tone="good">{model.sessions > 0 ? `serves ${model.sessions}` : "has the image"}</Status>}
      {images?.status === "Failed" && <Status tone="bad">{images.failureReason ?? "failed"}</Status>}
    </div>
  );
}

/** Lines from the primary to its slots. Decorative: the slots say the same in words. */
function Fan({ slots }: { slots: readonly (Served | undefined)[] }) {
  return (
    <svg
      class={slots.some((slot) => slot !== undefined) ? "fan moving" : "fan"}
      aria-hidden="true"
      preserveAspectRatio="none"
      viewBox="0 0 100 100"
    >
      {slots.map((slot, index) => {
        const y = ((index + 0.5) / slots.length) * 100;
        return <path key={index} class={slot === undefined ? "" : "moving"} d={`M0 50 C50 50 50 ${y} 100 ${y}`} />;
      })}
    </svg>
  );
}

function Slots({ lane: { model, slots } }: { lane: Lane }) {
  const used = slots.filter((slot) => slot !== undefined).length;
  return (
    <ol class="slots" aria-label={`TFTP sessions: ${used} of ${model.sessionsMax} in use`}>
      {slots.map((slot, index) => (
        <li key={index} class={slot === undefined ? "slot free" : "slot"}>
          {slot === undefined ? (
            <span class="muted">slot {index + 1} free</span>
          ) : (
            <>
              <span class="slot-head">
                <strong>{slot.name}</strong>
                <span>{percentText(slot.bytesDone, slot.bytesTotal)}</span>
              </span>
              <Bar done={slot.bytesDone} total={slot.bytesTotal} path="lan" label={`${slot.name} over the LAN`} />
              <span class="figures">
                {bytesText(slot.bytesDone)}
                {rateSuffix(slot.ap === undefined ? 0 : apRates(slot.ap.summary.mac).lan)}
              </span>
            </>
          )}
        </li>
      ))}
    </ol>
  );
}

function Waiting({ aps }: { aps: readonly Ap[] }) {
  if (aps.length === 0) return null;
  const now = Date.now();
  return (
    <div class="place">
      <h4>
        <Status tone="waiting">{aps.length} waiting</Status>
      </h4>
      <ul class="waiting">
        {aps.slice(0, waitingShown).map(({ summary, images, retryAt }) => (
          <li key={summary.mac}>
            <span>{summary.name}</span>
            <span class="figures">
              {retryAt === null ? "not started yet" : `${Math.max(0, Math.ceil((retryAt - now) / 1000))} s`}
              {(images?.retryCount ?? 0) > 0 && ` · ${countText(images?.retryCount ?? 0, "try", "tries")}`}
            </span>
          </li>
        ))}
      </ul>
      {aps.length > waitingShown && <span class="muted">and {aps.length - waitingShown} more, in the table below</span>}
    </div>
  );
}

function OverWan({ aps }: { aps: readonly Ap[] }) {
  if (aps.length === 0) return null;
  return (
    <div class="place">
      <h4>
        <Status tone="busy">{aps.length} over the WAN, out of tries</Status>
      </h4>
      <ul class="over-wan">
        {aps.map(({ summary, images }) => (
          <li key={summary.mac}>
            <span>{summary.name}</span>
            <Bar done={images?.bytesDone ?? 0} total={images?.bytesTotal ?? 0} path="wan" label={`${summary.name} over the WAN`} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Done({ aps }: { aps: readonly Ap[] }) {
  if (aps.length === 0) return null;
  const lan = aps.filter(({ images }) => images?.source === "lan").length;
  const wan = aps.filter(({ images }) => images?.source === "wan").length;
  const held = aps.length - lan - wan;
  const parts = [lan > 0 && `${lan} from the LAN`, wan > 0 && `${wan} over the WAN`, held > 0 && `${held} had it`].filter(Boolean);
  return (
    <div class="place">
      <h4>
        <Status tone="good">
          {aps.length} done: {parts.join(", ")}
        </Status>
      </h4>
      <div class="dots" aria-hidden="true">
        {aps.map(({ summary, images }) => (
          <span key={summary.mac} class={`dot ${images?.source ?? "held"}`} title={`${summary.name}: ${sourceText(images?.source)}`} />
        ))}
      </div>
    </div>
  );
}

function FailedAps({ aps }: { aps: readonly Ap[] }) {
  if (aps.length === 0) return null;
  return (
    <div class="place">
      <h4>
        <Status tone="bad">{aps.length} failed</Status>
      </h4>
      <ul class="waiting">
        {aps.slice(0, waitingShown).map(({ summary, images }) => (
          <li key={summary.mac}>
            <span>{summary.name}</span>
            <span class="figures">{images?.status === "NotSupported" ? "no image for its model" : images?.failureReason}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

const rateSuffix = (bytesPerSecond: number): string => (bytesPerSecond > 0 ? ` · ${rateText(bytesPerSecond)}` : "");

const sourceText = (source: "wan" | "lan" | null | undefined): string =>
  source === "lan" ? "from its primary over the LAN" : source === "wan" ? "from the controller over the WAN" : "had the image";
