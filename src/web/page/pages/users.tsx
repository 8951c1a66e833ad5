import { useState } from "preact/hooks";
import type { Failure } from "../../../base/failure.js";
import { request } from "../state/api.js";
import { useResource } from "../state/resource.js";
import { type Role, roles } from "../state/roles.js";
import type { Session } from "../state/session.js";
import { useConfirm } from "../ui/dialog.js";
import { FailureNote, Note } from "../ui/note.js";
import { type Column, Table } from "../ui/table.js";
import { tell } from "../ui/toast.js";

export interface UserRow {
  readonly name: string;
  readonly role: Role;
}

const roleWords: Readonly<Record<Role, string>> = {
  "read-only": "sees everything, changes nothing",
  operator: "upgrades, groups and images",
  admin: "also users",
};

export function UsersPage({ session }: { session: Session }) {
  const users = useResource(() => request<readonly UserRow[]>("GET", "/users"), []);
  const { ask, dialog } = useConfirm();
  const remove = ({ name }: UserRow): void =>
    ask({
      title: `Delete the user ${name}?`,
      action: "Delete user",
      dangerous: true,
      children: <p>Whoever is logged in as {name} is logged out at once. Running upgrades go on.</p>,
      act: async () => {
        const result = tell(await request("DELETE", `/users/${encodeURIComponent(name)}`), `${name} was deleted`);
        users.reload();
        return result;
      },
    });
  const columns: readonly Column<UserRow>[] = [
    { title: "User", cell: ({ name }) => <strong>{name}</strong>, sortBy: ({ name }) => name },
    {
      title: "Role",
      cell: ({ role }) => (
        <>
          {role} <span class="muted">{roleWords[role]}</span>
        </>
      ),
      sortBy: ({ role }) => role,
    },
    {
      title: "",
      cell: (row) =>
        session.role === "admin" &&
        row.name !== session.name && (
          <button type="button" class="quiet danger-text" aria-label={`Delete ${row.name}`} onClick={() => remove(row)}>
            Delete
          </button>
        ),
    },
  ];
  return (
    <>
      <p class="path">Management</p>
      <h1>Users</h1>
      <div class="columns wide-left">
        <div>
          <FailureNote failure={users.failure} />
          <Table
            caption="Users"
            captionHidden
            columns={columns}
            rows={users.value ?? []}
            rowKey={({ name }) => name}
            empty="No user is known."
          />
        </div>
        {session.role === "admin" ? (
          <AddUser added={users.reload} />
        ) : (
          <Note tone="info">Only an admin may add users. You are logged in as {session.role}.</Note>
        )}
      </div>
      {dialog}
    </>
  );
}

function AddUser({ added }: { added: () => void }) {
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    const name = String(fields.get("name")).trim();
    const result = await request("POST", "/users", { name, password: String(fields.get("password")), role: String(fields.get("role")) });
    setRefusal(result.ok ? null : result.failure);
    if (!result.ok) return;
    tell(result, `${name} can log in now`);
    form.reset();
    added();
  };
  return (
    <section class="card" aria-labelledby="add-user-heading">
      <h2 id="add-user-heading">Add a user</h2>
      <form onSubmit={submit}>
        <label>
          User
          <input name="name" required autocomplete="off" autoCapitalize="none" spellcheck={false} />
        </label>
        <label>
          Password
          <input name="password" type="password" required minLength={8} autocomplete="new-password" />
        </label>
        <label>
          Role
          <select name="role">
            {roles.map((role) => (
              <option key={role} value={role}>
                {role}: {roleWords[role]}
              </option>
            ))}
          </select>
        </label>
        <FailureNote failure={refusal} />
        <button type="submit" class="primary">
          Add user
        </button>
      </form>
    </section>
  );
}
