/**
 * Collects the effects of one step of the domain. The composite drains it in the only safe order:
 * records first, then everything that is visible outside.
 */

import type { Result } from "../../base/failure.js";
import type { MacAddress } from "../../base/mac-address.js";
import type { Sha256Hex } from "../../base/sha256.js";
import type { ApCommand, ProofQuestion } from "./ap-port.js";
import type { ControllerEvent } from "./events.js";
import type { Difference } from "./operator/differences.js";
import type { OrderValue } from "./operator/order-results.js";
import type { StoredRecord } from "./records.js";
import { type RowId, type RowKind, type RowOf, rowKey } from "./row-table.js";

export interface Reply {
  readonly requestId: number;
  readonly result: Result<OrderValue>;
  /** What the order changed. */
  readonly changes: readonly Difference[];
}

export class Outbox {
  readonly #records = new Map<string, unknown>();
  #commands: { mac: MacAddress; command: ApCommand }[] = [];
  #events: ControllerEvent[] = [];
  #replies: Reply[] = [];
  #goneImages: string[] = [];
  readonly #dueChecks = new Set<Sha256Hex>();
  #proofQuestions: ProofQuestion[] = [];

  /** The last row of an id in a step is the one stored; it is read at the end of the step. */
  put<K extends RowKind>(kind: K, id: RowId<K>, row: RowOf<K>): void {
    this.#records.set(rowKey(kind, id), row);
  }

  remove<K extends RowKind>(kind: K, id: RowId<K>): void {
    this.#records.set(rowKey(kind, id), null);
  }

  tell(mac: MacAddress, command: ApCommand): void {
    this.#commands.push({ mac, command });
  }

  event(event: ControllerEvent): void {
    this.#events.push(event);
  }

  reply(requestId: number, result: Result<OrderValue>, changes: readonly Difference[] = []): void {
    this.#replies.push({ requestId, result, changes });
  }

  imageGone(sha256: Sha256Hex): void {
    this.#goneImages.push(sha256);
  }

  /** Have the file of this image read and compared with its digest. */
  checkImage(sha256: Sha256Hex): void {
    this.#dueChecks.add(sha256);
  }

  expectProof(question: ProofQuestion): void {
    this.#proofQuestions.push(question);
  }

  takeProofQuestions(): ProofQuestion[] {
    const questions = this.#proofQuestions;
    this.#proofQuestions = [];
    return questions;
  }

  takeImageChecks(): Sha256Hex[] {
    const due = [...this.#dueChecks];
    this.#dueChecks.clear();
    return due;
  }

  takeRecords(): StoredRecord[] {
    const records = Array.from(this.#records, ([key, value]) => ({ key, value: structuredCopy(value) }));
    this.#records.clear();
    return records;
  }

  takeCommands(): { mac: MacAddress; command: ApCommand }[] {
    const commands = this.#commands;
    this.#commands = [];
    return commands;
  }

  takeEvents(): ControllerEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  takeReplies(): Reply[] {
    const replies = this.#replies;
    this.#replies = [];
    return replies;
  }

  takeGoneImages(): string[] {
    const gone = this.#goneImages;
    this.#goneImages = [];
    return gone;
  }
}

/** Rows are flat objects of JSON values; the copy detaches them from state that later steps change. */
const structuredCopy = (value: unknown): unknown => (value === null || typeof value !== "object" ? value : { ...value });
