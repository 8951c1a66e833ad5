import { useRef, useState } from "preact/hooks";
import type { Failure } from "../../../base/failure.js";
import type { ImageView } from "../../../core/controller/operator/views.js";
import type { ReleaseName } from "../../../core/upgrade/limits.js";
import { order, uploadImage } from "../state/api.js";
import { bytesText, instantText, percentText, versionText } from "../state/format.js";
import { controllerNow, useLive } from "../state/live.js";
import { useMayAct } from "../state/session.js";
import { Bar } from "../ui/bar.js";
import { useConfirm } from "../ui/dialog.js";
import { FailureNote } from "../ui/note.js";
import { actColumn, type Column, Table } from "../ui/table.js";
import { tell } from "../ui/toast.js";
import { PeerNote } from "./peer-note.js";

const releases: readonly (readonly [ReleaseName, string])[] = [
  ["primary", "Primary release"],
  ["backup", "Backup release"],
];

const daysText = (ms: number): string => {
  const days = Math.max(0, Math.floor(ms / 86_400_000));
  return days === 1 ? "1 day" : `${days} days`;
};

export function ImagesPage() {
  const catalogue = useLive((state) => state.catalogue);
  const boot = useLive((state) => state.boot);
  const { ask, dialog } = useConfirm();
  const mayChange = useMayAct();
  const remove = (image: ImageView): void =>
    ask({
      title: `Remove ${image.fileName} from the ${image.release} release?`,
      action: "Remove image",
      dangerous: true,
      children: (
        <p>
          APs that have {image.version} keep it. New predownloads of the {image.release} release find no image for {image.models.join(", ")}{" "}
          until you upload one.
        </p>
      ),
      act: async () => tell(await order({ type: "image-remove", imageId: image.id }), `${image.fileName} was removed`),
    });
  const columns: readonly Column<ImageView>[] = [
    { title: "Version", cell: ({ version }) => <strong>{version}</strong>, sortBy: ({ version }) => version },
    {
      title: "Models",
      cell: ({ models, families }) => (
        <>
          {models.join(", ")} <span class="muted">{families.join(", ")}</span>
        </>
      ),
      wraps: true,
    },
    { title: "Size", cell: ({ sizeBytes }) => bytesText(sizeBytes), sortBy: ({ sizeBytes }) => sizeBytes, numeric: true },
    {
      title: "File and SHA-256",
      cell: ({ fileName, sha256 }) => (
        <>
          {fileName}
          <code class="digest muted" title={sha256}>
            {sha256}
          </code>
        </>
      ),
      sortBy: ({ fileName }) => fileName,
      extra: true,
      wraps: true,
    },
    {
      title: "Signature",
      cell: ({ signature }) =>
        signature === null ? (
          <span class="muted">unsigned</span>
        ) : (
          `security ${signature.securityVersion}, ${daysText(controllerNow() - signature.signedAt)} old`
        ),
      extra: true,
    },
    { title: "Added", cell: ({ addedAt }) => instantText(addedAt, controllerNow()), sortBy: ({ addedAt }) => addedAt, extra: true },
    ...actColumn<ImageView>(mayChange, (image) => (
      <button
        type="button"
        class="quiet danger-text"
        aria-label={`Remove ${image.fileName} ${image.version}`}
        onClick={() => remove(image)}
      >
        Remove
      </button>
    )),
  ];
  return (
    <>
      <p class="path">Wireless</p>
      <h1>Images</h1>
      <PeerNote />
      <div class="columns wide-left">
        <div>
          {releases.map(([release, title]) => (
            <section key={release} aria-labelledby={`${release}-heading`}>
              <h2 id={`${release}-heading`}>
                {title} <span class="muted">{versionText(boot[release])}</span>
              </h2>
              <Table
                caption={title}
                captionHidden
                columns={columns}
                rows={catalogue.filter((image) => image.release === release)}
                rowKey={({ id }) => id}
                empty={`The ${release} release holds no image.${mayChange ? " Upload one for each AP model." : ""}`}
              />
            </section>
          ))}
        </div>
        {mayChange && <Upload />}
      </div>
      {dialog}
    </>
  );
}

interface Running {
  readonly sentBytes: number;
  readonly totalBytes: number;
  readonly cancel: () => void;
}

function Upload() {
  const [running, setRunning] = useState<Running | null>(null);
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const file = fields.get("file");
    if (!(file instanceof File) || file.size === 0) {
      setRefusal({ code: "image-empty", message: "Choose an image file that is not empty." });
      return;
    }
    const chosen = fields.get("bundle");
    const bundle = chosen instanceof File && chosen.size > 0 ? chosen : undefined;
    const models = String(fields.get("models"))
      .split(",")
      .map((model) => model.trim())
      .filter(Boolean);
    const release = fields.get("release") as ReleaseName;
    setRefusal(null);
    const upload = uploadImage({ file, bundle, version: String(fields.get("version")).trim(), models, release }, (sentBytes) =>
      setRunning({ sentBytes, totalBytes: file.size, cancel: upload.cancel }),
    );
    setRunning({ sentBytes: 0, totalBytes: file.size, cancel: upload.cancel });
    const result = await upload.done;
    setRunning(null);
    if (!result.ok) {
      setRefusal(result.failure);
      return;
    }
    form.current?.reset();
    tell(result, ({ fileName, version }) => `${fileName} is in the ${release} release as ${version}`);
  };
  return (
    <section class="card" aria-labelledby="upload-heading">
      <h2 id="upload-heading">Upload an image</h2>
      <form ref={form} onSubmit={submit}>
        <label>
          Image file
          <input type="file" name="file" required />
        </label>
        <label>
          Bundle that signs it
          <input type="file" name="bundle" />
        </label>
        <label>
          Release
          <select name="release">
            {releases.map(([value, title]) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </select>
        </label>
        <label>
          Version
          <input name="version" required placeholder="8.5.161.0" maxLength={64} spellcheck={false} />
        </label>
        <label>
          AP models or image families
          <input name="models" required placeholder="AIR-AP2802I, ap3g3" spellcheck={false} />
        </label>
        <p class="hint">Separated by commas. Models of one family share an image.</p>
        <FailureNote failure={refusal} />
        {running === null ? (
          <button type="submit" class="primary">
            Upload
          </button>
        ) : (
          <>
            <Bar done={running.sentBytes} total={running.totalBytes} path="lan" label="Upload" />
            <p class="figures">
              {running.sentBytes < running.totalBytes
                ? `${percentText(running.sentBytes, running.totalBytes)} · ${bytesText(running.sentBytes)} of ${bytesText(running.totalBytes)}`
                : "Uploaded; the controller is measuring and storing it"}
            </p>
            <button type="button" onClick={running.cancel}>
              Cancel upload
            </button>
          </>
        )}
      </form>
    </section>
  );
}
