/** An admin's changes to a user: role, SSH keys, password. */
import { useState } from "preact/hooks";
import { passwordLengthMin, type UserView } from "../../../admin/access-views.js";
import { roles } from "../../../admin/roles.js";
import type { Failure } from "../../../base/failure.js";
import { request } from "../state/api.js";
import { refreshSession } from "../state/session.js";
import { Dialog } from "../ui/dialog.js";
import { FailureNote } from "../ui/note.js";
import { tell } from "../ui/toast.js";

interface UserChangeProps {
  readonly user: UserView;
  readonly onClose: () => void;
  readonly changed: () => void;
}

export function UserChange({ user, onClose, changed }: UserChangeProps) {
  const [refusal, setRefusal] = useState<Failure | null>(null);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string): string => String(fields.get(name));
    const sshKeys = text("sshKeys")
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
    const password = text("password");
    // Keys are sent only if they were edited: a new password otherwise ends them.
    const edited = sshKeys.join("\n") !== user.sshKeys.join("\n");
    const change = { role: text("role"), ...(edited && { sshKeys }), ...(password !== "" && { password }) };
    const result = await request("PUT", `/users/${encodeURIComponent(user.name)}`, change);
    setRefusal(result.ok ? null : result.failure);
    if (!result.ok) return;
    tell(result, `${user.name} was changed`);
    onClose();
    changed();
    // It may have been the admin's own role or password.
    await refreshSession();
  };
  return (
    <Dialog title={`Change ${user.name}`} onClose={onClose}>
      <form onSubmit={submit}>
        <label>
          Role
          <select name="role">
            {roles.map((role) => (
              <option key={role} selected={role === user.role}>
                {role}
              </option>
            ))}
          </select>
        </label>
        <label>
          SSH public keys
          <textarea name="sshKeys" rows={4} spellcheck={false} defaultValue={user.sshKeys.join("\n")} />
        </label>
        <p class="hint">One per line, as in an id_ed25519.pub file: type, key, comment. Removing one ends the shells of this user.</p>
        <label>
          New password
          <input name="password" type="password" minLength={passwordLengthMin} autocomplete="new-password" />
        </label>
        <p class="hint">
          Empty: unchanged. A new password for another user ends all access: logins, SSH keys (unless you edit them here) and tokens.
        </p>
        <FailureNote failure={refusal} />
        <div class="dialog-actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}
