/** What RFC 5415 §4.5.1.1 and §4.5.1.5 ask for when a message cannot be used. */
import type { Problem } from "../../../wire/capwap/codec.js";
import { type FailureResponse, isRequest, type RequestName, responseTo } from "../../../wire/capwap/messages.js";
import { resultCodes } from "../../../wire/capwap/result-code.js";
import type { SendDatagram } from "../contract.js";
import type { DatagramMaker } from "./datagram-maker.js";

type Answerable = Exclude<Problem, { problem: "malformed" }>;

export function problemDetail(problem: Answerable): string {
  switch (problem.problem) {
    case "unknown-message":
      return `message type ${problem.messageType}`;
    case "missing-element":
      return `${problem.message} without ${problem.missing}`;
    case "unrecognized-element":
      return `${problem.message}: ${problem.detail}`;
  }
}

/** The response that is due, or undefined: responses are not answered, nor is a Join Request that makes no sense (§6.1). */
export function problemAnswer(problem: Answerable, maker: DatagramMaker): SendDatagram[] | undefined {
  if (problem.problem === "unknown-message") {
    return problem.messageType % 2 === 1 ? maker.unrecognized(problem.messageType, problem.sequence) : undefined;
  }
  const { message: name, sequence } = problem;
  if (!isRequest(name)) return undefined;
  if (problem.problem === "missing-element") return maker.message(failureResponse(name, sequence, resultCodes.missingMandatoryElement));
  const { returned } = problem;
  return maker.message({
    ...failureResponse(name, sequence, resultCodes.unrecognizedElement),
    elements: { resultCode: resultCodes.unrecognizedElement, ...(returned.length > 0 && { returnedElement: returned }) },
  });
}

/** A response that carries nothing but a Result Code. */
export const failureResponse = (request: RequestName, sequence: number, resultCode: number): FailureResponse => ({
  type: "failureResponse",
  response: responseTo(request),
  sequence,
  elements: { resultCode },
});
