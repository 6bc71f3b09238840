/**
 * Something that only a defect in the model, in a backend or in a caller of an internal interface
 * can cause. `rule` is the id of the broken rule (`P-T3`, `P-R1`, ...), which is also how the fuzzer
 * and the conformance suite name their findings.
 */
export class KernelPanic extends Error {
  readonly rule: string;

  constructor(rule: string, message: string) {
    super(`${rule}: ${message}`);
    this.name = "KernelPanic";
    this.rule = rule;
  }
}
