import type { ControllerEffect, ControllerInput, ControllerMachine } from "../../src/core/controller/contract.js";

/** A controller machine that remembers its inputs and says what the test writes. */
export class ScriptedController implements ControllerMachine {
  readonly inputs: ControllerInput[] = [];
  readonly #react: (input: ControllerInput, out: ControllerEffect[]) => void;

  constructor(react: (input: ControllerInput, out: ControllerEffect[]) => void = () => {}) {
    this.#react = react;
  }

  step(_now: number, input: ControllerInput, out: ControllerEffect[]): void {
    this.inputs.push(input);
    if (input.type === "operator" && input.order.type === "show-images")
      out.push({ type: "reply", requestId: input.requestId, result: { ok: true, value: [] }, changes: [] });
    else this.#react(input, out);
  }

  nextWakeAt(): undefined {
    return undefined;
  }
}
