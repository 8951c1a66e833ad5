/** Outputs not in use by a call. More than one is needed only while handlers call machines in turn. */
const spare: unknown[][] = [];

/**
 * Calls a child machine and handles each of its outputs, in order. A handler may call the same child again: those outputs are handled
 * before the rest of the first call's.
 *
 * The array given to `call` is reused, so neither side may keep it.
 */
export function relay<Child, Output>(
  child: Child,
  call: (child: Child, outputs: Output[]) => void,
  onOutput: (output: Output) => void,
): void {
  const outputs = (spare.pop() ?? []) as Output[];
  call(child, outputs);
  for (const output of outputs) onOutput(output);
  // V8 drops the backing store of an array whose length is set to 0.
  while (outputs.length > 0) outputs.pop();
  spare.push(outputs);
}
