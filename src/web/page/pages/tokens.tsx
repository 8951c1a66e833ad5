import { useState } from "preact/hooks";
import type { TokenView } from "../../../admin/access-views.js";
import { roles } from "../../../admin/roles.js";
import type { Failure } from "../../../base/failure.js";
import { request } from "../state/api.js";
import { instantText } from "../state/format.js";
import { controllerNow } from "../state/live.js";
import { useResource } from "../state/resource.js";
import { useConfirm } from "../ui/dialog.js";
import { FailureNote, Note } from "../ui/note.js";
import { type Column, Table } from "../ui/table.js";
import { tell } from "../ui/toast.js";

const dayMs = 24 * 60 * 60_000;
const lifetimes = [90, 7, 30, 365] as const;

const whenText = (instant: number | null): string => (instant === null ? "never" : instantText(instant, controllerNow()));

/** API tokens for scripts. A token's text is shown only once, in the response that created it. */
export function Tokens() {
  const tokens = useResource(() => request<readonly TokenView[]>("GET", "/tokens"), []);
  const [fresh, setFresh] = useState<string | null>(null);
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const { ask, dialog } = useConfirm();
  const add = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    const days = Number(fields.get("days"));
    const result = await request<{ token: string }>("POST", "/tokens", {
      name: String(fields.get("name")).trim(),
      role: String(fields.get("role")),
      ...(days > 0 && { expiresAt: controllerNow() + days * dayMs }),
    });
    setRefusal(result.ok ? null : result.failure);
    if (!result.ok) return;
    setFresh(result.value.token);
    form.reset();
    tokens.reload();
  };
  const remove = ({ id, name }: TokenView): void =>
    ask({
      title: `Delete the token ${name}?`,
      action: "Delete token",
      dangerous: true,
      children: <p>Scripts that use it are refused from now on.</p>,
      act: async () => {
        const result = tell(await request("DELETE", `/tokens/${id}`), `The token ${name} was deleted`);
        tokens.reload();
        return result;
      },
    });
  const columns: readonly Column<TokenView>[] = [
    { title: "Token", cell: ({ name }) => <strong>{name}</strong>, sortBy: ({ name }) => name },
    { title: "Role", cell: ({ role }) => role, sortBy: ({ role }) => role },
    { title: "Owner", cell: ({ owner }) => owner ?? "none", sortBy: ({ owner }) => owner ?? "", extra: true },
    { title: "Created", cell: ({ createdAt }) => instantText(createdAt, controllerNow()), sortBy: ({ createdAt }) => createdAt },
    { title: "Last used", cell: ({ usedAt }) => whenText(usedAt), sortBy: ({ usedAt }) => usedAt ?? 0 },
    { title: "Expires", cell: ({ expiresAt }) => whenText(expiresAt), sortBy: ({ expiresAt }) => expiresAt ?? Number.MAX_SAFE_INTEGER },
    {
      title: "",
      cell: (row) => (
        <button type="button" class="quiet danger-text" aria-label={`Delete the token ${row.name}`} onClick={() => remove(row)}>
          Delete
        </button>
      ),
    },
  ];
  return (
    <section aria-labelledby="tokens-heading">
      <h2 id="tokens-heading">API tokens</h2>
      <form class="inline" onSubmit={add}>
        <label>
          Token for
          <input name="name" required placeholder="ansible" spellcheck={false} />
        </label>
        <label>
          Role
          <select name="role">
            {roles.map((role) => (
              <option key={role}>{role}</option>
            ))}
          </select>
        </label>
        <label>
          Expires after
          <select name="days">
            {lifetimes.map((days) => (
              <option key={days} value={days}>
                {days} days
              </option>
            ))}
            <option value="">never</option>
          </select>
        </label>
        <button type="submit">Create token</button>
      </form>
      <FailureNote failure={refusal ?? tokens.failure} />
      {fresh !== null && (
        <Note tone="good">
          Copy the token now; it is not shown again: <code class="value">{fresh}</code>
        </Note>
      )}
      <Table
        caption="API tokens"
        captionHidden
        columns={columns}
        rows={tokens.value ?? []}
        rowKey={({ id }) => id}
        empty="No token yet. Scripts use one as “Authorization: Bearer TOKEN” or FLEXUP_TOKEN."
      />
      {dialog}
    </section>
  );
}
