/** Preview of a start: which APs fetch over the WAN, how many bytes cross it, how long it takes. */
import { useState } from "preact/hooks";
import type { LinkRates } from "../../../core/controller/operator/orders.js";
import type { DistributionForecast, GroupPreview, GroupView, ModelPreview } from "../../../core/controller/operator/views.js";
import type { ReleaseName } from "../../../core/upgrade/limits.js";
import { Figure } from "../run/run-panel.js";
import { order } from "../state/api.js";
import { bytesText, countText, durationText, percentText } from "../state/format.js";
import { useLive } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { FailureNote, Note } from "../ui/note.js";
import { SkippedList } from "../ui/skipped-list.js";
import { type Column, Table } from "../ui/table.js";

const bytesPerMegabit = 1e6 / 8;
const linkKey = "flexup-link";

/** The operator's link rates, remembered in this browser; undefined uses the controller's assumption. */
function rememberedLink(): LinkRates | undefined {
  const [wan, lan] = (localStorage.getItem(linkKey) ?? "").split(" ").map(Number);
  return wan && lan ? { wanBytesPerSecond: wan, lanBytesPerSecond: lan } : undefined;
}

const columns: readonly Column<ModelPreview>[] = [
  {
    title: "Model",
    cell: ({ models, family, image }) => (
      <span title={`image family ${family}`}>
        {models.join(", ")}
        <br />
        <span class="muted">{image === null ? "no image in this release" : image.version}</span>
      </span>
    ),
  },
  {
    title: "Primary",
    cell: ({ primary, manual, warnings }) => (
      <>
        {primary?.name ?? "none"} {manual && <span class="tag">manual</span>}
        {warnings.map((warning) => (
          <span class="lane-warning" key={warning}>
            ! {warning}
          </span>
        ))}
      </>
    ),
    wraps: true,
  },
  { title: "By LAN", cell: ({ subordinates, expectedFallbacks }) => subordinates - expectedFallbacks, numeric: true },
  { title: "Has it", cell: ({ alreadyHolding }) => alreadyHolding, numeric: true },
  { title: "WAN", cell: ({ wanBytes }) => bytesText(wanBytes), numeric: true },
];

const limits: Readonly<Record<NonNullable<DistributionForecast["limitedBy"]>, string>> = {
  wan: "the WAN",
  slots: "slots at the primary",
  "back-off": "back-offs",
};

const forecastColumns: readonly Column<DistributionForecast>[] = [
  { title: "Distribution", cell: ({ distribution }) => distribution },
  { title: "Time", cell: ({ expectedSeconds }) => (expectedSeconds === null ? "none" : durationText(expectedSeconds)), numeric: true },
  { title: "Fallbacks", cell: ({ expectedFallbacks }) => expectedFallbacks, numeric: true },
  { title: "WAN", cell: ({ wanBytes }) => bytesText(wanBytes), numeric: true },
  { title: "Limited by", cell: ({ limitedBy }) => (limitedBy === null ? "" : limits[limitedBy]) },
];

/** @param plain without the card and the link form, for use in a dialog */
export function RunPreview({ group, release, plain = false }: { group: GroupView; release: ReleaseName; plain?: boolean }) {
  const [link, setLink] = useState(rememberedLink);
  const catalogue = useLive((state) => state.catalogue);
  const preview = useResource(
    () => order({ type: "group-preview", group: group.name, release, ...(link === undefined ? {} : { link }) }),
    [settingsKey(group), release, link, catalogue],
  );
  const body = (
    <>
      <FailureNote failure={preview.failure} />
      {preview.value !== undefined && <PreviewFigures preview={preview.value} />}
      {preview.value !== undefined && !plain && <LinkForm link={preview.value.link} change={setLink} />}
    </>
  );
  if (plain) return body;
  return (
    <section class="card" aria-labelledby="preview-heading">
      <h2 id="preview-heading">What would happen</h2>
      {body}
    </section>
  );
}

/** Changes when the preview may, not with every byte of a run. */
const settingsKey = ({
  models,
  aps,
  distribution,
  serveBytesPerSecondMax,
  retryCount,
  backoffSecondsMin,
  backoffSecondsMax,
  wave2Refetch,
  primaryAddress,
  wan,
  run,
}: GroupView): string =>
  JSON.stringify([
    models.map(({ primary, warning }) => [primary, warning]),
    aps,
    distribution,
    serveBytesPerSecondMax,
    retryCount,
    backoffSecondsMin,
    backoffSecondsMax,
    wave2Refetch,
    primaryAddress,
    wan,
    run?.state,
  ]);

function PreviewFigures({ preview }: { preview: GroupPreview }) {
  const { wanBytes, wanBytesWithoutFeature, expectedSeconds } = preview;
  const saved = wanBytesWithoutFeature - wanBytes;
  const fallbacks = preview.models.reduce((sum, { expectedFallbacks }) => sum + expectedFallbacks, 0);
  return (
    <>
      <dl class="figures-row">
        <Figure title="Over the WAN" value={bytesText(wanBytes)} detail={`instead of ${bytesText(wanBytesWithoutFeature)}`} tone="wan" />
        <Figure title="WAN saved" value={percentText(saved, wanBytesWithoutFeature)} detail={bytesText(saved)} tone="lan" />
        <Figure title="Expected time" value={expectedSeconds === null ? "none" : durationText(expectedSeconds)} detail="to the last AP" />
      </dl>
      {preview.objection !== null && <Note tone="warning">A start would be refused: {preview.objection.message}</Note>}
      {expectedSeconds === null && preview.models.some(({ alreadyHolding }) => alreadyHolding > 0) && (
        <Note tone="info">No AP would fetch anything: every AP that the release has an image for has it already.</Note>
      )}
      {preview.wanRate.boundBy !== "link" && (
        <Note tone="info">
          The WAN limit of the {preview.wanRate.boundBy} binds: {bytesText(preview.wanRate.bytesPerSecond)}/s.
        </Note>
      )}
      {fallbacks > 0 && (
        <Note tone="warning">
          {countText(fallbacks, "AP")} would probably run out of tries and take the WAN. With assigned distribution none does.
        </Note>
      )}
      <Table
        caption="Per model"
        captionHidden
        columns={columns}
        rows={preview.models}
        rowKey={({ family }) => family}
        empty="No AP of this group has joined."
      />
      <Table
        caption="By distribution"
        captionHidden
        columns={forecastColumns}
        rows={preview.distributions}
        rowKey={({ distribution }) => distribution}
        empty=""
      />
      <SkippedList aps={preview.skipped} />
    </>
  );
}

const rates = [
  { title: "WAN carries, Mb/s", name: "wan", of: ({ wanBytesPerSecond }: LinkRates) => wanBytesPerSecond },
  { title: "One LAN transfer, Mb/s", name: "lan", of: ({ lanBytesPerSecond }: LinkRates) => lanBytesPerSecond },
] as const;

function LinkForm({ link, change }: { link: LinkRates; change: (link: LinkRates) => void }) {
  const save = (event: Event): void => {
    const form = (event.currentTarget as HTMLInputElement).form;
    if (form === null || !form.checkValidity()) return;
    const fields = new FormData(form);
    const rate = (name: string): number => Number(fields.get(name)) * bytesPerMegabit;
    localStorage.setItem(linkKey, `${rate("wan")} ${rate("lan")}`);
    change({ wanBytesPerSecond: rate("wan"), lanBytesPerSecond: rate("lan") });
  };
  return (
    <form class="inline" onSubmit={(event) => event.preventDefault()}>
      {rates.map(({ title, name, of }) => (
        <label key={name}>
          {title}
          <input
            type="number"
            name={name}
            min="0.01"
            step="any"
            required
            defaultValue={String(of(link) / bytesPerMegabit)}
            onChange={save}
          />
        </label>
      ))}
    </form>
  );
}
