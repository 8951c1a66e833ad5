import { useState } from "preact/hooks";
import type { Failure } from "../../../base/failure.js";
import { credentialFileText } from "../../../core/controller/operator/credential-file.js";
import type { CredentialView } from "../../../core/controller/operator/views.js";
import { order } from "../state/api.js";
import { instantText } from "../state/format.js";
import { controllerNow } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { useMayAct } from "../state/session.js";
import { useConfirm } from "../ui/dialog.js";
import { FailureNote, Note } from "../ui/note.js";
import { actColumn, type Column, Table } from "../ui/table.js";
import { tell } from "../ui/toast.js";

interface Fresh {
  readonly identity: string;
  readonly key: string;
}

/** The APs' pre-shared keys for DTLS. A key is shown only once, in the answer that made it. */
export function CredentialsPage() {
  const credentials = useResource(() => order({ type: "credential-list" }), []);
  const [fresh, setFresh] = useState<Fresh | null>(null);
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const { ask, dialog } = useConfirm();
  const mayChange = useMayAct("admin");

  const make = async (mac: string): Promise<boolean> => {
    const result = await order({ type: "credential-add", mac });
    setRefusal(result.ok ? null : result.failure);
    setFresh(result.ok ? result.value : null);
    credentials.reload();
    return result.ok;
  };
  const add = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const mac = String(new FormData(form).get("mac")).trim();
    if (await make(mac)) form.reset();
  };
  const replace = ({ mac }: CredentialView): void =>
    ask({
      title: `Replace the key of ${mac}?`,
      action: "Replace key",
      dangerous: true,
      children: <p>Its link ends at once, and the AP stays out until it has the new key.</p>,
      act: async () => {
        const result = await order({ type: "credential-add", mac });
        if (result.ok) setFresh(result.value);
        credentials.reload();
        return tell(result, `${mac} has a new key`);
      },
    });
  const revoke = ({ mac }: CredentialView): void =>
    ask({
      title: `Revoke the key of ${mac}?`,
      action: "Revoke key",
      dangerous: true,
      children: <p>Its link ends at once, and the AP stays out until it gets a new key.</p>,
      act: async () => {
        const result = tell(await order({ type: "credential-delete", mac }), `The key of ${mac} was revoked`);
        credentials.reload();
        return result;
      },
    });

  const columns: readonly Column<CredentialView>[] = [
    { title: "AP", cell: ({ mac }) => <code>{mac}</code>, sortBy: ({ mac }) => mac },
    { title: "State", cell: ({ state }) => state, sortBy: ({ state }) => state },
    { title: "Since", cell: ({ since }) => instantText(since, controllerNow()), sortBy: ({ since }) => since, extra: true },
    ...actColumn<CredentialView>(mayChange, (row) => (
      <div class="row-acts">
        <button type="button" class="quiet" aria-label={`Replace… the key of ${row.mac}`} onClick={() => replace(row)}>
          Replace…
        </button>
        {row.state === "active" && (
          <button type="button" class="quiet danger-text" aria-label={`Revoke… the key of ${row.mac}`} onClick={() => revoke(row)}>
            Revoke…
          </button>
        )}
      </div>
    )),
  ];
  return (
    <>
      <p class="path">Wireless</p>
      <h1>AP Credentials</h1>
      <p>
        The key by which an AP and this controller authenticate each other (DTLS). An AP with a certificate, or one that uses the join
        token, needs none.
      </p>
      {mayChange && (
        <form class="inline" onSubmit={add}>
          <label>
            MAC address of the AP
            <input name="mac" required spellcheck={false} autocomplete="off" />
          </label>
          <button type="submit">Make key</button>
        </form>
      )}
      <FailureNote failure={refusal ?? credentials.failure} />
      {fresh !== null && (
        <Note tone="good">
          Save these two lines as the AP’s <code>--credential</code> file now; the key is not shown again:
          <pre class="value">{credentialFileText(fresh)}</pre>
        </Note>
      )}
      <Table
        caption="AP Credentials"
        captionHidden
        columns={columns}
        rows={credentials.value ?? []}
        rowKey={({ mac }) => mac}
        searchText={({ mac, state }) => `${mac} ${state}`}
        empty="No AP has a key of its own yet."
      />
      {dialog}
    </>
  );
}
