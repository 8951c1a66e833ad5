import type { ApSummaryRow } from "../../../core/controller/operator/views.js";
import { Figure } from "../run/run-panel.js";
import type { Ap } from "../state/ap.js";
import { bytesText, instantText, linkText, percentText, rateText, versionText } from "../state/format.js";
import { apRates, controllerNow, useLive } from "../state/live.js";
import { linkTo } from "../state/route.js";
import { useMayAct } from "../state/session.js";
import { useSeconds } from "../state/ticker.js";
import { Bar } from "../ui/bar.js";
import { useConfirm } from "../ui/dialog.js";
import { JoinBadge, PredownloadBadge } from "../ui/status.js";
import { predownloadAbortQuestion, predownloadQuestion, resetQuestion, swapQuestion } from "./ap-questions.js";

const resetWords = { waiting: "restarting", confirmed: "came back on", unconfirmed: "did not come back on" } as const;

export function ApPage({ mac }: { mac: string }) {
  const ap = useLive((state) => state.aps.get(mac));
  if (ap === undefined)
    return (
      <>
        <h1>{mac}</h1>
        <p>
          No AP with this address has joined this controller. <a href={linkTo("wireless", "aps")}>See all access points</a>.
        </p>
      </>
    );
  return <ApDetails ap={ap} />;
}

function ApDetails({ ap: { summary, images, retryAt } }: { ap: Ap }) {
  const { ask, dialog } = useConfirm();
  const mayChange = useMayAct();
  const busy = images?.status === "Predownloading" || images?.status === "Initiated";
  useSeconds(busy);
  const target = { selector: summary.mac, title: summary.name };
  const rates = apRates(summary.mac);
  const path = rates.wan > rates.lan || images?.source === "wan" ? "wan" : "lan";
  return (
    <>
      <p class="path">
        Wireless › <a href={linkTo("wireless", "aps")}>Access Points</a>
      </p>
      <h1>
        {summary.name} <JoinBadge state={summary.state} />
      </h1>
      {mayChange && (
        <div class="actions">
          <button type="button" onClick={() => ask(predownloadQuestion(target, "primary"))}>
            Predownload primary…
          </button>
          <button type="button" onClick={() => ask(predownloadQuestion(target, "backup"))}>
            Predownload backup…
          </button>
          {busy && (
            <button type="button" onClick={() => ask(predownloadAbortQuestion(target))}>
              Abort predownload…
            </button>
          )}
          <button type="button" onClick={() => ask(swapQuestion(target))}>
            Swap images…
          </button>
          <button type="button" class="danger-text" onClick={() => ask(resetQuestion(target))}>
            Reset…
          </button>
        </div>
      )}
      <div class="columns">
        <section class="card" aria-labelledby="images-heading">
          <h2 id="images-heading">Images</h2>
          <dl class="figures-row">
            <Figure title="Primary Image" value={versionText(images?.primaryImage ?? null)} detail="boots next" />
            <Figure title="Backup Image" value={versionText(images?.backupImage ?? null)} detail="the other slot" />
            <Figure title="Running" value={versionText(summary.runningVersion)} detail="" />
          </dl>
          {summary.reset !== null && (
            <p class="muted">
              Last reset: {resetWords[summary.reset.state]} {summary.reset.version}.
            </p>
          )}
          <h3>
            Predownload <PredownloadBadge status={images?.status ?? "None"} />
          </h3>
          {images !== undefined && busy && images.bytesTotal > 0 && (
            <>
              <Bar done={images.bytesDone} total={images.bytesTotal} path={path} label={`Predownload of ${summary.name}`} />
              <p class="figures">
                {percentText(images.bytesDone, images.bytesTotal)} · {bytesText(images.bytesDone)} of {bytesText(images.bytesTotal)} ·{" "}
                {rateText(rates.wan + rates.lan)}
              </p>
            </>
          )}
          <dl class="facts">
            <dt>Version</dt>
            <dd>{versionText(images?.version ?? null)}</dd>
            <dt>Received</dt>
            <dd>
              {bytesText(images?.wanBytes ?? 0)} over the WAN, {bytesText(images?.lanBytes ?? 0)} over the LAN
            </dd>
            <dt>Next Retry Time</dt>
            <dd>{retryAt === null ? "none planned" : `in ${Math.max(0, Math.ceil((retryAt - Date.now()) / 1000))} s`}</dd>
            <dt>Retry Count</dt>
            <dd>{images?.retryCount ?? 0}</dd>
            {images?.failureReason != null && (
              <>
                <dt>Reason</dt>
                <dd>{images.failureReason}</dd>
              </>
            )}
          </dl>
        </section>
        <section class="card" aria-labelledby="facts-heading">
          <h2 id="facts-heading">Access point</h2>
          <dl class="facts">
            <dt>Ethernet MAC</dt>
            <dd>
              <code>{summary.mac}</code>
            </dd>
            <dt>Model</dt>
            <dd>
              {summary.model} <span class="muted">image family {summary.family}</span>
            </dd>
            <dt>Serial number</dt>
            <dd>{summary.serial}</dd>
            <dt>Address</dt>
            <dd>{summary.address ?? "none"}</dd>
            <dt>Control channel</dt>
            <dd>{linkText(summary.link)}</dd>
            <dt>Images</dt>
            <dd>{signatureText(summary.signature)}</dd>
            <dt>Group</dt>
            <dd>{summary.group === null ? "none" : <a href={linkTo("wireless", "groups", summary.group)}>{summary.group}</a>}</dd>
            <dt>Joined</dt>
            <dd>{summary.joinedAt === null ? "never" : instantText(summary.joinedAt, controllerNow())}</dd>
          </dl>
        </section>
      </div>
      {dialog}
    </>
  );
}

function signatureText(signature: ApSummaryRow["signature"]): string {
  switch (signature) {
    case "required":
      return "signed only";
    case "unsigned":
      return "any, unsigned";
    case null:
      return "unknown";
  }
}
