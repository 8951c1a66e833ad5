/** The open file of each transfer, offered or looked up, from its admission to its end. */
import type { LookUpId, SessionPlan, TftpSessionId } from "../../core/tftp/server/contract.js";
import type { OfferedFile, OfferedFiles } from "./offered-files.js";
import type { OpenFile } from "./open-file.js";

interface Transfer {
  readonly plan: SessionPlan;
  readonly file: OpenFile;
  readonly release: () => void;
}

export class TransferFiles {
  readonly #offered: OfferedFiles;
  readonly #found = new Map<LookUpId, OpenFile>();
  readonly #transfers = new Map<TftpSessionId, Transfer>();
  #isIdle = (): void => {};

  constructor(offered: OfferedFiles) {
    this.#offered = offered;
  }

  keepFound(lookUp: LookUpId, file: OpenFile): void {
    this.#found.set(lookUp, file);
  }

  forgetFound(lookUp: LookUpId): void {
    const file = this.#found.get(lookUp);
    this.#found.delete(lookUp);
    if (file !== undefined) close(file);
  }

  /** Undefined where the file was withdrawn meanwhile. */
  begin(plan: SessionPlan): OpenFile | undefined {
    const transfer = plan.lookUp === undefined ? this.#fromOffer(plan) : this.#fromLookUp(plan, plan.lookUp);
    if (transfer !== undefined) this.#transfers.set(plan.session, transfer);
    return transfer?.file;
  }

  /** The plan of the transfer that has ended. */
  end(session: TftpSessionId): SessionPlan | undefined {
    const transfer = this.#transfers.get(session);
    if (transfer === undefined) return undefined;
    this.#transfers.delete(session);
    transfer.release();
    if (this.#transfers.size === 0) this.#isIdle();
    return transfer.plan;
  }

  /** Resolves when no transfer is running. */
  async idle(): Promise<void> {
    if (this.#transfers.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#isIdle = resolve;
    });
  }

  #fromOffer(plan: SessionPlan): Transfer | undefined {
    const file: OfferedFile | undefined = this.#offered.use(plan.fileName);
    return file && { plan, file, release: () => this.#offered.release(file) };
  }

  #fromLookUp(plan: SessionPlan, lookUp: LookUpId): Transfer | undefined {
    const file = this.#found.get(lookUp);
    this.#found.delete(lookUp);
    return file && { plan, file, release: () => close(file) };
  }
}

/** Read only: nothing can be lost by closing it. */
const close = ({ handle }: OpenFile): void => void handle.close().catch(() => {});
