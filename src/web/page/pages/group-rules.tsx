/** A group's back-off, and how it uses the WAN. */
import { useState } from "preact/hooks";
import type { Failure } from "../../../base/failure.js";
import type { Distribution, FallbackPolicy, PrimaryAddress } from "../../../core/controller/operator/group-settings.js";
import type { GroupView } from "../../../core/controller/operator/views.js";
import { limits } from "../../../core/upgrade/limits.js";
import { order } from "../state/api.js";
import { useMayAct } from "../state/session.js";
import { ChoiceField } from "../ui/choice-field.js";
import { FailureNote } from "../ui/note.js";
import { tell } from "../ui/toast.js";

const fallbackWords: Readonly<Record<FallbackPolicy, string>> = {
  fallback: "fetches over the WAN",
  wait: "waits for its primary",
  fail: "gives up",
};

const distributionWords: Readonly<Record<Distribution, string>> = {
  classic: "all at once; those refused try again later",
  assigned: "when the primary has a slot for them",
  stream: "chunk by chunk, from each other, while the primary still fetches",
};

const addressWords: Readonly<Record<PrimaryAddress, string>> = {
  advertised: "the address that it advertises, else its own",
  session: "its own address, whatever it advertises",
};

const bytesPerMegabit = 1e6 / 8;
const bytesPerMebibyte = 2 ** 20;

export function GroupRules({ group }: { group: GroupView }) {
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const [fallback, setFallback] = useState(group.wan.fallback);
  const mayChange = useMayAct();
  const save = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const failure = await saveRules(group.name, fallback, new FormData(event.currentTarget as HTMLFormElement));
    setRefusal(failure);
    if (failure === null) tell({ ok: true, value: null }, `Rules of ${group.name} were saved`);
  };
  const { backoffSeconds, groupWanTransfers } = limits;
  const { wan } = group;
  return (
    <section class="card" aria-labelledby="rules-heading">
      <h2 id="rules-heading">Rules</h2>
      <form onSubmit={save} key={group.name}>
        <fieldset class="bare" disabled={!mayChange}>
          <ChoiceField title="Subordinates fetch" name="distribution" value={group.distribution} words={distributionWords} />
          <NumberField
            title="One AP gives its LAN at most, Mb/s"
            name="serveMegabitsMax"
            value={scaled(group.serveBytesPerSecondMax, bytesPerMegabit)}
            min={0.08}
            optional
          />
          <ChoiceField title="They reach the primary at" name="primaryAddress" value={group.primaryAddress} words={addressWords} />
          <fieldset>
            <legend>Random back-off, seconds</legend>
            <div class="pair">
              <NumberField
                title="more than"
                name="minSeconds"
                value={group.backoffSecondsMin}
                min={backoffSeconds.labFloor}
                max={backoffSeconds.ceiling}
              />
              <NumberField
                title="up to"
                name="maxSeconds"
                value={group.backoffSecondsMax}
                min={backoffSeconds.labFloor}
                max={backoffSeconds.ceiling}
              />
            </div>
            <p class="hint">A subordinate that finds its primary busy waits a random time in this range and asks again.</p>
          </fieldset>
          <fieldset>
            <legend>WAN</legend>
            <div class="pair">
              <NumberField
                title="Simultaneous transfers"
                name="transfersMax"
                value={wan.transfersMax}
                min={groupWanTransfers.min}
                max={groupWanTransfers.max}
                step={1}
              />
              <NumberField
                title="Limit, Mb/s"
                name="megabitsMax"
                value={scaled(wan.bytesPerSecondMax, bytesPerMegabit)}
                min={0.01}
                optional
              />
            </div>
            <label>
              An AP that has used up its tries
              <select value={fallback} onChange={(event) => setFallback(event.currentTarget.value as FallbackPolicy)}>
                {Object.entries(fallbackWords).map(([value, words]) => (
                  <option key={value} value={value}>
                    {words}
                  </option>
                ))}
              </select>
            </label>
            {fallback === "fallback" && (
              <>
                <div class="pair">
                  <NumberField title="At most this many APs" name="fallbackApsMax" value={wan.fallbackApsMax} min={0} step={1} optional />
                  <NumberField
                    title="Most MiB for them"
                    name="fallbackMebibytesMax"
                    value={scaled(wan.fallbackBytesMax, bytesPerMebibyte)}
                    min={0}
                    optional
                  />
                </div>
                <p class="hint">In one run, beyond the first copy of each model. Whoever comes later waits for its primary.</p>
              </>
            )}
          </fieldset>
          <label class="check">
            <input type="checkbox" name="refetch" defaultChecked={group.wave2Refetch} />A Wave 2 primary fetches the image even if it has it
          </label>
          <FailureNote failure={refusal} />
          {mayChange && <button type="submit">Save rules</button>}
        </fieldset>
      </form>
    </section>
  );
}

interface NumberFieldProps {
  readonly title: string;
  readonly name: string;
  readonly value: number | null;
  readonly min: number;
  readonly max?: number;
  /** Default: any fraction. */
  readonly step?: number;
  /** May be empty: no limit. */
  readonly optional?: boolean;
}

function NumberField({ title, value, step, optional = false, ...input }: NumberFieldProps) {
  return (
    <label>
      {title}
      <input
        type="number"
        {...input}
        step={step ?? "any"}
        defaultValue={value === null ? "" : String(value)}
        required={!optional}
        {...(optional && { placeholder: "no limit" })}
      />
    </label>
  );
}

const scaled = (value: number | null, unit: number): number | null => (value === null ? null : value / unit);

/** Gives orders one after the other. @returns the first refusal */
async function saveRules(group: string, fallback: FallbackPolicy, fields: FormData): Promise<Failure | null> {
  const number = (name: string): number => Number(fields.get(name));
  const bound = (name: string, unit = 1): number | null => {
    const text = String(fields.get(name) ?? "").trim();
    return text === "" ? null : Math.round(Number(text) * unit);
  };
  const steps = [
    () =>
      order({
        type: "group-set",
        group,
        settings: {
          distribution: fields.get("distribution") as Distribution,
          serveBytesPerSecondMax: bound("serveMegabitsMax", bytesPerMegabit),
          primaryAddress: fields.get("primaryAddress") as PrimaryAddress,
        },
      }),
    () => order({ type: "group-backoff", group, minSeconds: number("minSeconds"), maxSeconds: number("maxSeconds") }),
    () => order({ type: "group-wave2-refetch", group, enabled: fields.get("refetch") !== null }),
    () =>
      order({
        type: "group-wan",
        group,
        wan: {
          fallback,
          transfersMax: number("transfersMax"),
          bytesPerSecondMax: bound("megabitsMax", bytesPerMegabit),
          // Only what the form shows: another policy leaves the limits unchanged.
          ...(fields.has("fallbackApsMax") && {
            fallbackApsMax: bound("fallbackApsMax"),
            fallbackBytesMax: bound("fallbackMebibytesMax", bytesPerMebibyte),
          }),
        },
      }),
  ];
  for (const step of steps) {
    const result = await step();
    if (!result.ok) return result.failure;
  }
  return null;
}
