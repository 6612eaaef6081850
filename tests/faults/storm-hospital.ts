/**
 * The hospital of a storm: what happens at its server, what is told of it, and the model that takes note.
 */
import type { Bundle, DetectedIssue, Observation, Patient } from '@medplum/fhirtypes';
import { randomFrom } from '../../src/sandbox/random.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { MODELLED, Oracle, result, TESTS, type TestName } from './oracle.ts';
import { pick, shuffled } from './random.ts';
import { isOpen, observation } from './records.ts';
import { type Push, push } from './sender.ts';

const MOST_COPIES = 12; // of one notice
const CHANGES_AHEAD = 60; // changes at the server whose notices are shuffled together

export class StormHospital {
  readonly #sandbox: Sandbox;
  readonly #patients: readonly string[];
  readonly #random: () => number;
  readonly #oracle = new Oracle();
  #held: Push[] = [];

  constructor(sandbox: Sandbox, patients: number, seed: number) {
    this.#sandbox = sandbox;
    this.#patients = Array.from({ length: patients }, (_, n) => `storm-${n}`);
    this.#random = randomFrom(seed);
  }

  /** Patients with a normal magnesium and creatinine: potassium is judged together with them. */
  async admit(): Promise<void> {
    const at = new Date();
    const charts = this.#patients.flatMap((id) => [
      { resourceType: 'Patient', id, gender: 'female', birthDate: '1960-02-03' } satisfies Patient,
      observation(id, 'mg', '19123-9', 0.85, 'mmol/L', { at }),
      observation(id, 'cr', '14682-9', 70, 'umol/L', { at }),
    ]);
    await this.#sandbox.load(charts, { notify: false });
  }

  /** Something happens at the server; what is told of it comes now or with a later call, once or many times. */
  async nextPushes(): Promise<Push[]> {
    const random = this.#random;
    const fresh: Push[] = [];
    for (let n = 0; n < CHANGES_AHEAD; n++) fresh.push(await this.#change());
    const copies = fresh.flatMap((push) =>
      Array.from({ length: 1 + Math.floor(random() ** 2 * MOST_COPIES) }, () => push),
    );
    const mixed = shuffled(random, [...copies, ...this.#held]);
    // Of each notice one copy goes now: the server would send it. Others of it come late, after newer ones.
    const late = new Set(mixed.filter(() => random() < 0.3));
    this.#held = mixed.filter((push) => late.has(push)).slice(0, CHANGES_AHEAD);
    return shuffled(random, [...mixed.filter((push) => !late.has(push)), ...fresh]);
  }

  async #change(): Promise<Push> {
    const random = this.#random;
    const patient = pick(random, this.#patients);
    const test = pick(random, TESTS);
    const fate = random();
    if (fate < 0.1) return this.#delete(patient, test);
    const status = fate < 0.2 ? 'entered-in-error' : fate < 0.4 ? 'corrected' : 'final';
    const value = pick(random, MODELLED[test].values);
    this.#oracle.note(patient, test, status === 'entered-in-error' ? undefined : value);
    await this.#sandbox.load([result(patient, test, value, status, new Date())], { notify: false });
    const url = `${this.#sandbox.base}/Observation/${patient}-${test}`;
    const stored = (await (await fetch(url)).json()) as Observation;
    return push(JSON.stringify(stored), {}, `Observation/${stored.id}|${stored.meta?.versionId}`);
  }

  async #delete(patient: string, test: TestName): Promise<Push> {
    this.#oracle.note(patient, test, undefined);
    const reference = `Observation/${patient}-${test}`;
    await fetch(`${this.#sandbox.base}/${reference}`, { method: 'DELETE' });
    const headers = { 'x-medplum-interaction': 'delete', 'x-medplum-deleted-resource': reference };
    return push('{}', headers, `${reference} deleted`);
  }

  async compare(): Promise<{ duplicates: number; wrong: number }> {
    let [duplicates, wrong] = [0, 0];
    for (const patient of this.#patients) {
      const url = `${this.#sandbox.base}/DetectedIssue?patient=Patient/${patient}&_count=1000`;
      const bundle = (await (await fetch(url)).json()) as Bundle<DetectedIssue>;
      const open = (bundle.entry ?? []).flatMap(({ resource }) =>
        resource !== undefined && isOpen(resource) ? ruleOf(resource) : [],
      );
      const distinct = [...new Set(open)].sort();
      duplicates += open.length - distinct.length;
      if (distinct.join() !== this.#oracle.openOf(patient).join()) wrong += 1;
    }
    return { duplicates, wrong };
  }
}

function ruleOf({ code }: DetectedIssue): string {
  return code?.coding?.find(({ system }) => system?.endsWith('/rules'))?.code ?? 'none';
}
